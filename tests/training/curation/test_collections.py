from collections.abc import Callable
from pathlib import Path

import pytest

from training.curation.collections.record import Options, Record, spelled
from training.curation.collections.registry import COLLECTIONS, recognise
from training.errors import StepRefused

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of a collection: ``write("metadata.csv", text)``."""

    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def read(path: Path, **said: object) -> list[Record]:
    """Records of what the path is recognised as."""
    return list(COLLECTIONS[recognise(path)](path, Options(**said)))  # type: ignore[arg-type]


def test_the_skin8_manifest(write: Write) -> None:
    path = write(
        "manifest.csv",
        "image,label,condition,group,source,licence,box_left,box_top,box_right,box_bottom,biopsied,fitzpatrick\n"
        "a.jpg,other,melanoma,p1,pad_ufes_20,CC BY 4.0,1,2,30,40,yes,2\n"
        "b.jpg,psoriasis,psoriasis,g2,dermnet_nz,CC BY-NC-ND 3.0 NZ,,,,,,\n"
        "c.jpg,normal_skin,normal_skin,g3,hands_11k,academic use,,,,,,4\n",
    )
    assert recognise(path) == "skin8"
    melanoma, psoriasis, normal = read(path)
    assert (melanoma.label, melanoma.condition, melanoma.box) == ("other", "melanoma", (1, 2, 30, 40))
    assert [one.label_evidence for one in (melanoma, psoriasis, normal)] == ["pathology", "atlas", None]
    assert psoriasis.box is None
    assert psoriasis.more["licence"] == "CC BY-NC-ND 3.0 NZ"


def test_what_a_manifest_says_of_its_labels_is_kept(write: Write) -> None:
    path = write(
        "manifest.csv", "image,label,group,source,label_by,label_evidence\na,psoriasis,g,dermnet_nz,Bo,consensus\n"
    )
    (one,) = read(path, label_by="somebody", label_evidence="record")
    assert (one.label_by, one.label_evidence) == ("Bo", "consensus")


def test_a_folder_per_class(write: Write) -> None:
    for name in ("Lichen Planus/patient 7/1.jpg", "Lichen Planus/patient 7/2.jpg", "银屑病/3.jpg", "银屑病/.DS_Store"):
        root = write(name, "").parents[len(Path(name).parts) - 1]
    assert recognise(root) == "folders"
    records = read(root, source="clinic", label_evidence="record", label_by="archive")
    assert [(one.image, one.label, one.group) for one in records] == [
        ("Lichen Planus/patient 7/1.jpg", "lichen_planus", "patient 7"),
        ("Lichen Planus/patient 7/2.jpg", "lichen_planus", "patient 7"),
        ("银屑病/3.jpg", "银屑病", ""),
    ]
    assert {(one.source, one.label_by, one.label_evidence) for one in records} == {("clinic", "archive", "record")}


def test_541_classes_are_541(write: Write) -> None:
    for number in range(541):
        root = write(f"condition {number:03}/a.jpg", "").parents[1]
    assert len({one.label for one in read(root)}) == 541


def test_a_folder_of_photographs_alone_says_what_it_lacks(write: Write) -> None:
    with pytest.raises(ValueError, match="folder per class"):
        read(write("a.jpg", "").parent)


@pytest.mark.parametrize(
    ("box", "said"),
    [("abc,20,110,220", "not all numbers"), ("110,20,10,220", "swapped"), ("10,20,10,220", "empty")],
)
def test_what_is_no_box_is_refused_with_its_photograph(write: Write, box: str, said: str) -> None:
    path = write("xiangya.csv", f"image,patient,disease,x1,y1,x2,y2\n7.jpg,p1,Psoriasis,{box}\n")
    with pytest.raises(StepRefused, match=rf"7\.jpg.*{said}"):
        read(path)


def test_a_table_with_boxes_and_patients_by_the_names_it_has(write: Write) -> None:
    path = write(
        "xiangya.csv",
        "Image_Name,Patient_ID,Disease,xmin,ymin,xmax,ymax,evidence\n"
        "1.jpg,p1,Lichen planus,10,20,110,220,pathology\n"
        "1.jpg,p1,Lichen planus,100,15,150,90,pathology\n"
        "2.jpg,p2,Psoriasis,,,,,\n",
    )
    write("images/2.jpg", "")
    assert recognise(path) == "csv"
    two_boxes, none = read(path)
    assert (two_boxes.image, two_boxes.group, two_boxes.label) == ("1.jpg", "p1", "lichen_planus")
    assert two_boxes.box == (10, 15, 150, 220)
    assert two_boxes.label_evidence == "pathology"
    assert (none.image, none.box, none.source, none.condition) == ("images/2.jpg", None, "xiangya", "Psoriasis")


def test_a_table_whose_names_are_said(write: Write) -> None:
    path = write("t.csv", "bild,icd,mrn,x,y,w,h\n1.jpg,L40,9,5,6,10,20\n")
    with pytest.raises(ValueError, match="--column"):
        read(path)
    said = {"image": "bild", "label": "icd", "group": "mrn", "left": "x", "top": "y"}
    (one,) = read(path, columns=said)
    assert (one.label, one.group, one.box) == ("l40", "9", (5, 6, 15, 26))


@pytest.mark.parametrize("said", [{"image": "nowhere"}, {"colour": "bild"}])
def test_a_column_that_is_not_there_is_named(write: Write, said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(said.values()))):
        read(write("t.csv", "bild,label\n1.jpg,a\n"), columns=said)


def test_two_labels_of_one_photograph_stay_two(write: Write) -> None:
    assert [one.label for one in read(write("t.csv", "image,label\n1.jpg,a\n1.jpg,b\n"))] == ["a", "b"]


PAD = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,skin_cancer_history,"
    "cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,grew,"
    "hurt,changed,bleed,elevation,img_id,biopsed\n"
    "PAT_1516,1765,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,PAT_1516_1765_530.png,False\n"
    "PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,True,"
    "False,True,True,True,PAT_46_881_939.png,True\n"
    "PAT_47,7,,,,,60,,,,,,,2.0,FACE,,,BOD,,,,,,,PAT_47_7_1.png,True\n"
)


def test_pad_ufes_20(write: Write) -> None:
    path = write("metadata.csv", PAD)
    write("imgs_part_2/PAT_46_881_939.png", "")
    assert recognise(path) == "pad_ufes_20"
    naevus, carcinoma, bowen = read(path)
    assert (naevus.label, naevus.condition, naevus.label_evidence) == ("other", "melanocytic_naevus", "consensus")
    assert (carcinoma.image, carcinoma.label) == ("imgs_part_2/PAT_46_881_939.png", "basal_cell_carcinoma")
    assert (carcinoma.group, carcinoma.label_evidence) == ("PAT_46", "pathology")
    assert (carcinoma.more["fitzpatrick"], carcinoma.more["body_site"]) == ("3", "neck")
    assert (bowen.label, bowen.condition) == ("squamous_cell_carcinoma", "bowen_disease")


def test_a_diagnostic_that_pad_ufes_20_does_not_have_is_no_other(write: Write) -> None:
    with pytest.raises(ValueError, match="'BBC'"):
        read(write("metadata.csv", PAD.replace(",BCC,", ",BBC,")))


FITZPATRICK = (
    "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,three_partition_label,qc,url,url_alphanum\n"
    "aa,3,3,drug induced pigmentary changes,inflammatory,non-neoplastic,,"
    "https://www.dermaamin.com/site/images/clinical-pic/m/x.jpg,x\n"
    "bb,-1,1,lichen planus,inflammatory,non-neoplastic,1 Diagnostic,http://atlasdermatologico.com.br/img?imageId=1,y\n"
    "cc,2,2,psoriasis,inflammatory,non-neoplastic,3 Wrongly labelled,http://atlasdermatologico.com.br/img?imageId=2,z\n"
)


def test_fitzpatrick17k(write: Write) -> None:
    path = write("fitzpatrick17k.csv", FITZPATRICK)
    assert recognise(path) == "fitzpatrick17k"
    drug, lichen = read(path)
    assert (drug.image, drug.source) == ("images/aa.jpg", "fitzpatrick17k_dermaamin")
    assert (drug.label, drug.label_evidence, drug.more["fitzpatrick"]) == (
        "drug_induced_pigmentary_changes",
        "atlas",
        "3",
    )
    assert (lichen.source, lichen.label_evidence, lichen.more["fitzpatrick"]) == (
        "fitzpatrick17k_atlasderm",
        "consensus",
        "",
    )


CASES = (
    "case_id,source,release,year,age_group,sex_at_birth,fitzpatrick_skin_type,image_1_path,image_2_path,image_3_path\n"
    "-1,SCIN,1.0.0,2023,AGE_30_TO_39,FEMALE,FST3,dataset/images/1.png,dataset/images/2.png,\n"
    "-2,SCIN,1.0.0,2023,AGE_UNKNOWN,MALE,NONE_SELECTED,dataset/images/3.png,,\n"
    "-3,SCIN,1.0.0,2023,AGE_UNKNOWN,MALE,,dataset/images/4.png,,\n"
    "-4,SCIN,1.0.0,2023,AGE_UNKNOWN,OTHER_OR_UNSPECIFIED,FST2,dataset/images/5.png,,\n"
)
YES = "DEFAULT_YES_IMAGE_QUALITY_SUFFICIENT"
NO = "NO_IMAGE_QUALITY_INSUFFICIENT"
ANSWERS = (
    "case_id,dermatologist_gradable_for_skin_condition_1,dermatologist_gradable_for_skin_condition_2,"
    "dermatologist_gradable_for_skin_condition_3,dermatologist_skin_condition_on_label_name,"
    "dermatologist_skin_condition_confidence,weighted_skin_condition_label,"
    "dermatologist_fitzpatrick_skin_type_label_1,dermatologist_fitzpatrick_skin_type_label_2\n"
    f"-1,{YES},{YES},,\"['Insect Bite', 'Eczema']\",\"[4, 3]\",\"{{'Eczema': 0.67, 'Insect Bite': 0.33}}\",,FST5\n"
    f"-2,{YES},,,\"['A', 'B', 'C']\",\"[3, 3, 3]\",\"{{'A': 0.34, 'B': 0.33, 'C': 0.33}}\",,\n"
    f"-3,{NO},,,[],[],{{}},,\n"
    f"-4,{YES},{NO},,\"['Psoriasis']\",[5],{{'Psoriasis': 1.0}},,\n"
)


def test_scin(write: Write) -> None:
    path = write("scin_cases.csv", CASES)
    write("scin_labels.csv", ANSWERS)
    assert recognise(path) == "scin"
    one, two, lonely = read(path)
    assert (one.image, two.image) == ("images/1.png", "images/2.png")
    assert {(r.group, r.label, r.label_evidence, r.more["fitzpatrick"]) for r in (one, two)} == {
        ("-1", "eczema", "consensus", "5")
    }
    assert (lonely.label, lonely.label_evidence, lonely.more["fitzpatrick"]) == ("psoriasis", "record", "2")


def test_a_file_that_lacks_its_columns_says_which(write: Write) -> None:
    with pytest.raises(ValueError, match="diagnostic"):
        list(COLLECTIONS["pad_ufes_20"](write("metadata.csv", "patient_id,img_id\n"), Options()))


def test_names_are_spelled_as_labels_are() -> None:
    assert spelled("Basal-Cell  Carcinoma (nodular)") == "basal_cell_carcinoma_nodular"
    assert spelled("银屑病") == "银屑病"
