"""Whatever can be wrong with texts, their keys and their runs is answered by one sentence and exit code 2."""

import gzip

import numpy as np
import pytest

from .conftest import vaekit
from .text_files import TINY, captions, lines

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("names-demo", base=TINY)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return captions(tmp_path_factory.mktemp("data") / "captions.csv")


@pytest.fixture(scope="module")
def label_run(make_run, table):
    return make_run(table, "label_column=parity", "condition=label", base=TINY)


KEYS = {
    "length=0": "length=0: input should be greater than or equal to 1",
    "length=1": "length=1: input should be greater than 1",
    "length=long": "length=long: input should be a valid integer",
    "vocabulary=3": "vocabulary=3: input should be greater than or equal to 5",
    "tokenizer=words": "tokenizer must be auto, word, char, bpe or the path of a tokenizer.json, but is 'words'",
    "tokenizer=[1]": "tokenizer",
    "lowercase=maybe": "lowercase=maybe: input should be a valid boolean",
    "column=caption": "a column needs a table (.csv, .tsv, .csv.gz, .tsv.gz, .jsonl, .jsonl.gz, .parquet), but first_names.txt has a text on each line",
    "label_column=y": "a label needs a table (.csv, .tsv, .csv.gz, .tsv.gz, .jsonl, .jsonl.gz, .parquet), but first_names.txt has a text on each line",
    "recipe=freebits": "did you mean 'free_bits'?",
    "recipe=nothing-like-it": "recipe=nothing-like-it is not one of vae, anneal",
    "model=gan": "model=gan: input should be 'vae' or 'lm'",
    "latent=0": "latent=0: input should be greater than or equal to 1",
    "latent=1000000000": "latent=1000000000: input should be less than or equal to",
    "word_dropout=2": "word_dropout=2: input should be less than or equal to 1",
    "teacher_forcing=-1": "teacher_forcing",
    "condition=label": "condition=label needs texts with labels: name their column with label_column=",
    "condition=context": "condition",
    "prior=vamp": "prior=vamp learns pseudo-inputs by gradient, which tokens have none of; use prior=gmm",
    "prior=uniform_sphere": "prior",
    "likelihood=bernoulli": "key 'likelihood'",
    "likelihood.levels=4": "key 'likelihood.levels'",
    "net=mlp": "net=mlp is not one of lstm, gru, transformer, cnn",
    "net=transformer net.width=7": "a width of 7 cannot be shared by 4 heads",
    "net=cnn net.dilations=[]": "list should have at least 1 item",
    "net=transformer net.hidden=8": "key 'net.hidden' does not belong to the part that was chosen",
    "context=3": "unknown key 'context'",
    "phases=[]": "unknown key 'phases'",
    "size=8": "size",
}


@pytest.mark.parametrize("words", KEYS)
def test_a_key_that_cannot_be(words):
    assert KEYS[words] in vaekit("fit", "names-demo", "--dry-run", *words.split(" ")).sentence


@pytest.mark.parametrize(
    "words",
    [
        "tokenizer=char",
        "length=5",
        "vocabulary=100",
        "lowercase=true",
        "label_column=x",
        "recipe=vae",
        "model=lm",
        "word_dropout=0.1",
        "net=lstm",
    ],
)
def test_a_key_of_texts_on_images(classes, words):
    """Keys of the other kind of data are refused, not left lying."""
    assert words.split("=")[0] in vaekit("fit", classes, "--dry-run", words).sentence


def test_a_column_of_images(classes):
    assert "a folder of texts needs" in vaekit("fit", classes, "--dry-run", "column=x").sentence
    assert "texts are wanted, but digits are images" in vaekit("inspect", "digits", "column=x").sentence


FILES = {
    "empty.txt": (b"", "a corpus needs texts, but"),
    "blank.txt": (b"\n \n\n", "holds nothing but 3 empty ones"),
    "binary.txt": (bytes(range(256)), "binary.txt must hold text, but byte 0 (line 1) is 0"),
    "zeros.txt": (b"abc\n\0\0", "byte 4 (line 2) is 0, as in binary files"),
    "same.txt": (b"a\n" * 50, "texts need at least two different tokens, but every token of"),
    "broken.txt.gz": (gzip.compress(b"anna\nbob\n" * 99)[:-20], "must be a file of gzip, but is damaged"),
    "no.txt.gz": (b"anna\nbob\n", "must be a file of gzip, but is damaged"),
    "cut.jsonl": (b'{"text": "a"}\n{"text": ', "line 2 of cut.jsonl must be JSON, but is not"),
    "list.jsonl": (b'["a"]\n', "line 1 of list.jsonl must be an object of JSON with columns"),
    "mixed.jsonl": (b'{"text": "a"}\n{"text": 5}\n', "must hold text, but line 2 has 5"),
    "two.jsonl": (b'{"a": "x", "b": "y"}\n{"a": "z", "b": "w"}\n', "must have one column of text, or one called text"),
    "numbers.jsonl": (b'{"a": 1, "b": 2}\n', "must have one column of text"),
    "ragged.csv": (b"text,b\nx\n", "must have 2 cells as its first, but line 2 has 1"),
    "no.parquet": (b"PAR1", "must be a parquet table, but cannot be read"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be(tmp_path, name):
    content, said = FILES[name]
    (tmp_path / name).write_bytes(content)
    for verb in (("inspect", tmp_path / name), ("fit", tmp_path / name, *TINY, "--out", tmp_path / "run")):
        assert said in vaekit(*verb).sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_texts_are_refused_before_anything_is_written(tmp_path, count):
    file = lines(tmp_path / "few.txt", *["a single line", "and a second"][:count])
    assert "training needs three distinct data at least" in vaekit("fit", file, *TINY, "--out", tmp_path / "r").sentence
    assert not (tmp_path / "r").exists()
    assert vaekit("inspect", file).code == 0


def test_empty_lines_among_others_are_told(tmp_path):
    file = lines(tmp_path / "some.txt", *(f"line {i}\n" for i in range(40)))
    assert "40 empty texts were left out" in vaekit("inspect", file).out


def test_columns_that_cannot_be(table):
    for word, said in {
        "column=nowhere": "column must be one of id, caption, author, parity, the columns of captions.csv",
        "column=id": "column must hold text, but 'id' in captions.csv is int64; give one of caption, author, parity",
        "label_column=nowhere": "label must be one of id, caption, author, parity",
        "column=5": "column",
    }.items():
        assert said in vaekit("fit", table, "--dry-run", word).sentence


def test_a_label_column_with_gaps(tmp_path):
    (tmp_path / "gaps.csv").write_text("text,y\n" + "".join(f"text {i},{'a' if i else ''}\n" for i in range(9)))
    assert "each text needs a label, but 1 of 9" in vaekit("inspect", tmp_path / "gaps.csv", "label_column=y").sentence


def test_labels_that_training_did_not_have(label_run, tmp_path):
    other = captions(tmp_path / "other.csv", 6, classes=("odd", "new"))
    for verb in (("evaluate", label_run, other), ("reconstruct", label_run, other)):
        assert "the model knows no label 'new'; its labels are even, odd" in vaekit(*verb).sentence
    assert "no label 'new'" in vaekit("sample", label_run, "--label", "new").sentence
    assert "these data have none" in vaekit("reconstruct", label_run, "a cat of 3 years").sentence


def test_a_label_where_the_model_has_none(run):
    assert "so a label means nothing to it" in vaekit("sample", run, "--label", "odd").sentence
    assert "have no label 'odd'" in vaekit("manipulate", run, "anna", "--toward", "parity=odd").sentence


DECODE = {
    "rubbish": "--decode knows greedy, sample, beam, beams",
    "greedyy": "did you mean 'greedy'?",
    "=": "--decode knows",
    "top_k=0": "top_k must be at least 1, got 0",
    "top_k=many": "--decode top_k is a whole number, got 'many'",
    "top_k=1.5": "--decode top_k is a whole number, got 1.5",
    "top_k": "--decode top_k is a whole number, got True",
    "top_p=2": "top_p must be above 0 and at most 1, got 2",
    "top_p=true": "--decode top_p is a number, got True",
    "temperature=0": "temperature must be positive, got 0; for the limit of 0 use mode=greedy",
    "temperature=nan": "--decode temperature is a number, got 'nan'",
    "beams=0": "beams must be at least 1, got 0",
    "beams=1000000000": "beams must be at most 1,000",
    "length_penalty=-1": "length_penalty must be 0 or more",
    "greedy,top_k=3": "top_k and top_p choose what is drawn, but mode=greedy draws nothing",
    "mode=loud": "mode must be greedy, sample or beam, got 'loud'",
    "unknown=1": "--decode unknown is true or false, got 1",
}


@pytest.mark.parametrize("typed", DECODE)
def test_a_way_of_decoding_that_cannot_be(run, typed):
    for verb in (("sample", run), ("interpolate", run, 0, 1), ("reconstruct", run, "anna"), ("analogy", run, 0, 1, 2)):
        assert DECODE[typed] in vaekit(*verb, "--decode", typed).sentence


def test_numbers_ways_and_files_that_are_not_there(run, tmp_path):
    (tmp_path / "file").write_text("a")
    for words, said in {
        ("interpolate", 0, 9999): "the run has 122 test data, numbered from 0; got 9999",
        ("interpolate", 0, 1, "--how", "cubic"): "the way between two latents is linear or slerp, got 'cubic'",
        ("interpolate", 0, 1, "--out", tmp_path / "a.png"): "--out must end in .txt, .jsonl, .csv, .parquet",
        ("sample", "--out", tmp_path): "--out must end in .txt",
        ("sample", "--out", tmp_path / "file" / "a.txt"): "a part of that path is a file",
        ("sample", "--temperature", 0): "temperature must be positive",
        ("sample", "--temperature", "inf"): "temperature must be a finite number",
        ("encode", "anna", "--out", tmp_path / "a.txt"): "--out must end in .npz, .parquet, .csv",
        ("reconstruct", "nowhere.txt"): "there is no 'nowhere.txt'",
        ("manipulate", "anna", "--toward", "a=b", "--strength", "nan"): "strength must be a finite number",
    }.items():
        assert said in vaekit(words[0], run, *words[1:]).sentence, words


def test_a_run_of_texts_given_images_and_the_other_way_round(run, class_run, classes, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((9, 8, 8), dtype="uint8"))
    file = lines(tmp_path / "lines.txt", "anna", "bob")
    for verb in ("evaluate", "reconstruct", "diagnose"):
        assert "texts are wanted, but digits are images" in vaekit(verb, run, "digits").sentence
        assert "texts" in vaekit(verb, run, classes).sentence
    assert vaekit("evaluate", run, tmp_path / "images.npy").sentence
    assert "lines.txt" in vaekit("evaluate", class_run, file).sentence
    assert "images are wanted, but names-demo are texts" in vaekit("evaluate", class_run, "names-demo").sentence
    told = "only texts are decoded token by token; leave decoding out for other data"
    assert told in vaekit("sample", class_run, "--decode", "greedy", "--out", tmp_path / "s").sentence
    assert told in vaekit("interpolate", class_run, 0, 1, "--decode", "beam").sentence


@pytest.mark.parametrize("word", ["net.hidden=10000000", "net.hidden=100000000000", "net.embedding=1000000000"])
def test_a_model_that_no_memory_holds(tmp_path, word):
    assert vaekit("fit", "names-demo", *TINY, word, "--out", tmp_path / "run").sentence
    assert not (tmp_path / "run").exists()


def test_a_length_that_no_memory_holds():
    assert "memory" in vaekit("inspect", "names-demo", "length=100000000000").sentence
