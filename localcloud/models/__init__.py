"""AWS services in memory, as far as the handlers use them: for the simulation, the benchmarks and the tests."""
