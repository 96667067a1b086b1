import pytest

from training.curation.collections.record import Record, spelled
from training.curation.relabel import relabelled


def _records(*conditions: str) -> list[Record]:
    return [Record(f"{n}.jpg", spelled(name), name, "", "here") for n, name in enumerate(conditions)]


def test_a_collection_s_names_become_the_eight_and_other_and_stay_its_conditions() -> None:
    records = _records("SCC, in situ", "Psoriasis", "Melanoma", "Eczema")
    told = relabelled(records, {"scc in situ": "squamous_cell_carcinoma", "*": "other"})
    assert [each.label for each in told] == ["squamous_cell_carcinoma", "psoriasis", "other", "other"]
    assert [each.condition for each in told] == ["SCC, in situ", "Psoriasis", "Melanoma", "Eczema"]


def test_the_eight_s_chinese_names_are_not_the_rest() -> None:
    told = relabelled(_records("基底细胞癌", "红斑狼疮 ", "黑色素瘤", "Basal cell carcinomas"), {"*": "other"})
    assert [each.label for each in told] == ["basal_cell_carcinoma", "lupus_erythematosus", "other", "other"]
    (named,) = relabelled(_records("银屑病"), {"银屑病": "other"})
    assert (named.label, named.condition) == ("other", "银屑病")


def test_without_labels_every_name_stays_unless_only_the_known_ones_will_do() -> None:
    records = _records("psoriasis", "Tinea")
    assert [each.label for each in relabelled(records, {})] == ["psoriasis", "tinea"]
    with pytest.raises(ValueError, match=r"nobody said: Tinea\. Say it by curate --label 'Tinea=other'"):
        relabelled(records, {}, only_known=True)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"Tinea": "fungus"}, "not fungus"),
        ({"Tinae": "other"}, "no photograph is called tinae; there are Psoriasis, Tinea"),
        ({"Psoriasis": "psoriasis"}, "nobody said: Tinea"),
        ({"TINEA": "psoriasis", "tinea": "other"}, "tinea is said to be psoriasis and other: which is it"),
    ],
)
def test_what_cannot_be_meant_is_said(labels: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        relabelled(_records("Psoriasis", "Tinea"), labels)
