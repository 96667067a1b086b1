"""What patients read is in plain words: a reading level for English, short clauses for Chinese."""

import re

from appliance.messages import catalogue

PATIENTS = re.compile(
    r"(kiosk|phone|result|next|refusal|refer|reserved|todo|wrong|hint|consent|sure|evidence|advice|rule|step|soon|sooner)"
    r"|class\..*\.(plain|means)$"
)
GRADE_OF_ALL = 4
GRADE_OF_ONE = 8
"""School years; most of what people need to know for their health should be readable after six to eight."""
ENOUGH_WORDS = 6
"""Below, the formula says nothing."""
WORDS = 20
CHARACTERS = 20


def patients_texts(language: str) -> dict[str, str]:
    """Key to text, with something in the place of what is filled in."""
    texts = catalogue(language)  # type: ignore[arg-type]
    return {key: re.sub(r"\{\w+\}", "it", text) for key, text in texts.items() if PATIENTS.match(key)}


def sentences(text: str) -> list[list[str]]:
    """The words of each sentence."""
    parts = (re.findall(r"[A-Za-z']+", part) for part in re.split(r"[.!?:;·]+", text))
    return [words for words in parts if words]


def syllables(word: str) -> int:
    """Groups of vowels, without a silent ending."""
    heard = re.sub(r"(?<=[^laeiouy])es$|(?<=[^laeiouytd])ed$|(?<=[^laeiouy])e$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", heard)))


def grade(text: str) -> float:
    """Flesch-Kincaid grade level (Kincaid et al. 1975)."""
    said = sentences(text)
    words = [word for sentence in said for word in sentence]
    return 0.39 * len(words) / len(said) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_the_formula_knows_easy_from_hard() -> None:
    assert grade("The cat sat on the mat.") < 1
    assert grade("Utilisation of dermatological instrumentation necessitates institutional authorisation.") > 20


def test_english_can_be_read_after_a_few_years_of_school() -> None:
    texts = patients_texts("en")
    assert len(texts) > 150
    assert grade(". ".join(texts.values())) <= GRADE_OF_ALL
    hard = {
        key: text for key, text in texts.items() if len(text.split()) >= ENOUGH_WORDS and grade(text) > GRADE_OF_ONE
    }
    assert not hard
    assert not {key for key, text in texts.items() if max(map(len, sentences(text)), default=0) > WORDS}


def test_chinese_clauses_are_short() -> None:
    texts = patients_texts("zh")
    assert len(texts) > 150
    clauses = {key: re.split(r"[。！？；：，、（）·]", text) for key, text in texts.items()}
    assert not {key for key, parts in clauses.items() if max(map(len, parts)) > CHARACTERS}
