"""What the functions ship: their code and a layer of locked wheels, the same bytes on every machine."""
