"""What stands behind each class: names, group, evidence level, licence. Source: the README of the skin8 photographs."""

from typing import Final

from appliance.vision.classes import ClassId

CARDS: Final[dict[ClassId, dict[str, str]]] = {
    "lichen_planus": {"zh": "扁平苔藓", "en": "Lichen planus", "group": "inflammatory", "evidence": "limited"},
    "lupus_erythematosus": {
        "zh": "红斑狼疮",
        "en": "Lupus erythematosus",
        "group": "autoimmune",
        "evidence": "limited",
    },
    "basal_cell_carcinoma": {
        "zh": "基底细胞癌",
        "en": "Basal cell carcinoma",
        "group": "malignant",
        "evidence": "moderate",
    },
    "squamous_cell_carcinoma": {
        "zh": "鳞状细胞癌",
        "en": "Squamous cell carcinoma",
        "group": "malignant",
        "evidence": "moderate",
    },
    "normal_skin": {"zh": "正常皮肤", "en": "Normal skin", "group": "normal", "evidence": "moderate"},
    "pemphigus": {"zh": "天疱疮", "en": "Pemphigus", "group": "autoimmune", "evidence": "insufficient"},
    "psoriasis": {"zh": "银屑病", "en": "Psoriasis", "group": "inflammatory", "evidence": "limited"},
    "seborrheic_keratosis": {
        "zh": "脂溢性角化",
        "en": "Seborrheic keratosis",
        "group": "benign",
        "evidence": "moderate",
    },
}

LICENCE: Final = "research and non-commercial use only: the training photographs' licences, see MODEL_CARD.md"
