"""What each class is called, and which group of conditions it belongs to."""

from typing import Final

from appliance.vision.classes import ClassId

CARDS: Final[dict[ClassId, dict[str, str]]] = {
    "lichen_planus": {"zh": "扁平苔藓", "en": "Lichen planus", "group": "inflammatory"},
    "lupus_erythematosus": {
        "zh": "红斑狼疮",
        "en": "Lupus erythematosus",
        "group": "autoimmune",
    },
    "basal_cell_carcinoma": {
        "zh": "基底细胞癌",
        "en": "Basal cell carcinoma",
        "group": "malignant",
    },
    "squamous_cell_carcinoma": {
        "zh": "鳞状细胞癌",
        "en": "Squamous cell carcinoma",
        "group": "malignant",
    },
    "normal_skin": {"zh": "正常皮肤", "en": "Normal skin", "group": "normal"},
    "pemphigus": {"zh": "天疱疮", "en": "Pemphigus", "group": "autoimmune"},
    "psoriasis": {"zh": "银屑病", "en": "Psoriasis", "group": "inflammatory"},
    "seborrheic_keratosis": {
        "zh": "脂溢性角化",
        "en": "Seborrheic keratosis",
        "group": "benign",
    },
}
