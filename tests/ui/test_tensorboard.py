from pathlib import Path

from tensorboardX.proto.event_pb2 import Event

from ui.tensorboard import TensorBoard


def events(path: Path) -> list[Event]:
    """The records of an event file: 8 bytes of length, 4 of its sum, the record, 4 of its sum."""
    data, found, place = path.read_bytes(), [], 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 8], "little")
        found.append(Event.FromString(data[place + 12 : place + 12 + length]))
        place += 12 + length + 4
    return found


def test_every_metric_of_a_step_is_a_scalar_of_its_stage(tmp_path: Path) -> None:
    with TensorBoard(tmp_path) as board:
        board("reading", 2, {"step": 1, "loss": 4.0, "tokens": 10})
        board("reading", 2, {"step": 2, "loss": 3.0, "tokens": 12})
    [path] = (tmp_path / "reading").iterdir()
    told = [
        (value.tag, event.step, value.simple_value)
        for event in events(path)
        for value in event.summary.value
    ]
    assert told == [("loss", 1, 4.0), ("tokens", 1, 10.0), ("loss", 2, 3.0), ("tokens", 2, 12.0)]
