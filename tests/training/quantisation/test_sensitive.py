import pytest

from training.quantisation.sensitive import blocks_of

STEM = ["CONV_2D"] * 3 + ["MAX_POOL_2D"] + ["CONV_2D"] * 2 + ["MAX_POOL_2D"]
REST = ["AVERAGE_POOL_2D", *["CONV_2D"] * 7, "CONCATENATION", "AVERAGE_POOL_2D", *["CONV_2D"] * 82]
HEAD = ["CONCATENATION", "CONV_2D", "MEAN", "CONV_2D", "MEAN"]


def test_each_operation_belongs_to_its_block() -> None:
    blocks = blocks_of([*STEM, *REST, *HEAD])
    assert blocks[:6] == ["stem"] * 6
    assert blocks[6:16] == ["mixed0"] * 10
    assert blocks[16] == "mixed1"
    assert blocks[-6:] == ["mixed10", "mixed10", "head", "head", "head", "head"]


def test_another_network_has_no_such_blocks() -> None:
    with pytest.raises(ValueError, match="96 convolutions"):
        blocks_of(STEM)
