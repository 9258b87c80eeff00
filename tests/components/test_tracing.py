"""The short names of X-Ray tell stacks apart."""

from components.monitoring.tracing import NAME_LENGTH, xray_name


def test_a_name_x_ray_takes_is_the_prefix_and_a_longer_one_stays_distinct() -> None:
    assert xray_name("event-processing-dev") == "event-processing-dev"
    longer = [xray_name(f"event-processing-some-long-branch-{number}") for number in (1, 2)]
    assert [len(name) for name in longer] == [NAME_LENGTH, NAME_LENGTH]
    assert len(set(longer)) == 2
