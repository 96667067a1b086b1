"""CSV files that people made: read as text, or said to be none."""

from pathlib import Path
from typing import Any

import pandas as pd

from training.errors import StepRefused


def read_texts(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV as text, empty where there is nothing; ``options`` are pandas's. Raises ``StepRefused``."""
    try:
        rows: pd.DataFrame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", **options)
    except UnicodeDecodeError as other:
        raise StepRefused(f"{path} is not UTF-8: save it anew as CSV UTF-8 ({other})") from other
    except pd.errors.EmptyDataError as empty:
        raise StepRefused(f"{path} is empty") from empty
    except pd.errors.ParserError as broken:
        raise StepRefused(f"{path} is no CSV whose rows have as many cells as its head: {broken}") from broken
    return rows
