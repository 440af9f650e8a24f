"""Every verb on texts, as a new user tries it: what it prints, what it writes, and that its JSON is one object."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

import vaekit as library
from vaekit.distributions import Decoding
from vaekit.interfaces.describing.decoding import decoding_of
from vaekit.interfaces.measures.decoder_use import decoder_use

from .conftest import vaekit
from .text_files import TINY, captions, lines

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("names-demo", base=TINY)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return captions(tmp_path_factory.mktemp("data") / "captions ü.csv")


@pytest.fixture(scope="module")
def label_run(make_run, table):
    return make_run(table, "label_column=parity", "condition=label", base=TINY)


@pytest.fixture(scope="module")
def language_model(make_run):
    return make_run("names-demo", "model=lm", base=[word for word in TINY if not word.startswith("latent")])


def texts(answer):
    return [row["text"] for row in answer.json["texts"]]


def test_inspect_names_the_data_the_choices_and_the_layers():
    answer = vaekit("inspect", "names-demo")
    assert answer.code == 0
    assert "names-demo: 1,195 texts, tokenizer char, 30 tokens, at most 12 of them in a text" in answer.out
    for word in ("1,195 texts hold 6,850 tokens", "cover", "net", "latent", "recipe", "Embedding", "Linear"):
        assert word in answer.out, word
    found = vaekit("inspect", "names-demo", "--json").json
    assert found["data"]["schema"]["tokenizer"] == "char" and "definition" not in found["data"]["schema"]
    assert all(choice["reason"] for choice in found["experiment"]["choices"])


def test_fit_prints_one_json_object_and_writes_a_run_that_explains_itself(table, tmp_path):
    out = tmp_path / "a run ü"
    found = vaekit("fit", table, *TINY, "label_column=parity", "--out", out, "--json").json
    assert {"run", "report", "seconds", "evaluation", "choices", "quarantine"} == set(found)
    assert found["evaluation"]["dimension"] == "token" and found["evaluation"]["unit"] == "text"
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names >= {"config.json", "split.json", "metrics.jsonl", "evaluation.json", "model/schema.json"}
    for path in out.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_a_dry_run_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = vaekit("fit", "names-demo", "--dry-run", "--json", "latent=7", "recipe=anneal").json
    assert (found["model"]["latent"], found["model"]["recipe"]) == (7, "anneal")
    assert found["objective"]["beta"]["kind"] == "linear"
    assert list(tmp_path.iterdir()) == []


def test_evaluate_tells_both_perplexities_by_name(run):
    found = vaekit("evaluate", run, "--samples", 5, "--json").json
    assert set(found["perplexity"]) == {"elbo", "iw_5"}
    assert found["perplexity"]["elbo"]["value"] == pytest.approx(
        math.exp(-found["bounds"]["elbo"]["nats"] * found["n"] / found["tokens"])
    )
    assert found["bounds"]["iw"]["nats"] >= found["bounds"]["elbo"]["nats"] - 0.1
    assert (found["measure"], found["bounds"]["iw"]["samples"]) == ("counting", 5)
    told = vaekit("evaluate", run, "names-demo", "--samples", 1).out
    assert "nats per text" in told and "bits/token" in told and "perplexity" in told


def test_evaluate_says_what_the_decoder_reads(run, language_model):
    """The run was hardly trained, so that all reconstructions are the same text, and none is its own."""
    found = vaekit("evaluate", run, "--samples", 2, "--json").json
    use = found["decoder_use"]
    given, again = library.load(run).reconstruct(count=100)
    assert use["distinct_reconstructions"] == pytest.approx(len(set(again)) / len(again))
    assert use["exact_reconstructions"] == pytest.approx(
        sum(a == b for a, b in zip(given, again, strict=True)) / len(again)
    )
    assert (
        found["remarks"][0].startswith("the decoder loses ")
        and f"of {len(again)} reconstructions" in found["remarks"][1]
    )
    unread = decoder_use(library.load(run), None, 1e6)
    assert unread.lines[0].endswith("it hardly reads its latents")
    assert decoder_use(library.load(language_model), None, None) == ({}, [])


def test_evaluate_says_what_of_other_texts_is_unknown_or_cut(run, tmp_path):
    other = lines(tmp_path / "other.txt", "anna", "Łukasz", 12 * "ab")
    answer = vaekit("evaluate", run, other, "--samples", 2, "--json")
    assert answer.json["n"] == 3
    assert "% of the tokens are unknown to the model" in answer.err
    assert "1 text is longer than 11 tokens and the end, and cut" in answer.err
    assert vaekit("evaluate", run, lines(tmp_path / "known.txt", "anna", "bob"), "--samples", 2).err == ""


def test_evaluate_deep_measures_what_texts_have(run):
    deep = vaekit("evaluate", run, "--samples", 2, "--deep", "--json").json["deep"]
    assert deep["information"]["mutual_information"]["cap"] == pytest.approx(math.log(deep["information"]["n"]))
    assert deep["disentanglement"] is None and deep["why"]["disentanglement"]


def test_diagnose_tells_what_it_found_and_checked(run):
    found = vaekit("diagnose", run, "--json").json
    assert found["checked"] and "posterior_collapse" in {one["name"] for one in found["findings"]}


def test_a_language_model_has_no_latent_that_could_collapse(language_model):
    found = vaekit("diagnose", language_model, "--json").json
    assert "posterior_collapse" not in {one["name"] for one in found["findings"]}


@pytest.mark.parametrize(
    "decode",
    [
        "greedy",
        "sample",
        "sample,temperature=0.5",
        "temperature=2",
        "top_k=3",
        "top-k=3,temperature=0.8",
        "top_p=0.9",
        "beam",
        "beams=3",
        "beam,beams=2,length_penalty=1",
        "unknown",
    ],
)
def test_sample_decodes_in_every_way_and_the_same_again(run, decode):
    words = ("sample", run, "-n", 3, "--decode", decode, "--json")
    assert len(texts(vaekit(*words))) == 3
    assert texts(vaekit(*words)) == texts(vaekit(*words))


def test_ways_of_decoding_that_are_one(run):
    greedy, one, beam = (
        texts(vaekit("sample", run, "-n", 9, "--decode", way, "--json")) for way in ("greedy", "top_k=1", "beams=1")
    )
    assert greedy == one == beam
    assert decoding_of(None) is None and decoding_of("", 0.5).temperature == 0.5
    assert decoding_of("temperature=0.3", 0.5).temperature == 0.3
    assert decoding_of("temperature=1e-3, top-k = 4") == Decoding(temperature=1e-3, top_k=4)


def test_sample_draws_by_its_seed_and_the_coldest_is_greedy(run):
    first, second = (texts(vaekit("sample", run, "-n", 40, "--seed", seed, "--json")) for seed in (0, 1))
    assert len(set(first)) > 30 and first != second
    cold = texts(vaekit("sample", run, "-n", 40, "--temperature", 1e-6, "--json"))
    assert cold == texts(vaekit("sample", run, "-n", 40, "--decode", "greedy", "--json"))


def test_sample_prints_or_writes_by_suffix(run, tmp_path):
    printed = vaekit("sample", run, "-n", 5).out.splitlines()
    for suffix in (".txt", ".jsonl", ".csv"):
        out = tmp_path / f"made{suffix}"
        assert vaekit("sample", run, "-n", 5, "--out", out, "--json").json == {"out": str(out), "n": 5}
    assert (tmp_path / "made.txt").read_text().splitlines() == printed
    assert [json.loads(row)["text"] for row in (tmp_path / "made.jsonl").read_text().splitlines()] == printed
    with (tmp_path / "made.csv").open() as file:
        assert [row["text"] for row in csv.DictReader(file)] == printed


def test_sample_takes_labels(label_run):
    found = texts(vaekit("sample", label_run, "-n", 4, "--label", "odd", "--label", "even", "--json"))
    assert len(found) == 4
    assert found == texts(vaekit("sample", label_run, "-n", 4, "--label", "odd,even", "--json"))


def test_reconstruct_takes_a_file_and_a_text_itself(run, tmp_path):
    file = lines(tmp_path / "two.txt", "anna", "bob")
    rows = vaekit("reconstruct", run, file, "--json").json["texts"]
    assert [row["text"] for row in rows] == ["anna", "bob"]
    literal = vaekit("reconstruct", run, "anna", "--json").json["texts"]
    assert literal == rows[:1]
    out = tmp_path / "again.csv"
    vaekit("reconstruct", run, file, "--decode", "beams=2", "--out", out)
    with out.open() as table:
        assert [row["text"] for row in csv.DictReader(table)] == ["anna", "bob"]
    vaekit("reconstruct", run, file, "--out", tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text().splitlines() == [row["reconstruction"] for row in rows]


@pytest.mark.parametrize("how", ["linear", "slerp"])
@pytest.mark.parametrize("ends", [("anna", "bob"), (0, 1), ("anna", 3)], ids=str)
def test_interpolate_begins_and_ends_at_the_reconstructions(run, how, ends):
    rows = vaekit("interpolate", run, *ends, "--steps", 4, "--how", how, "--json").json["texts"]
    assert [row["share"] for row in rows] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    loaded = library.load(run)
    _, own = loaded.reconstruct()
    wanted = [own[end] if isinstance(end, int) else loaded.reconstruct([end])[1][0] for end in ends]
    assert [rows[0]["text"], rows[-1]["text"]] == wanted


def test_interpolate_prints_a_line_each_and_takes_the_way_of_decoding(run, tmp_path):
    told = vaekit("interpolate", run, "anna", "bob", "--steps", 3, "--decode", "beams=2")
    assert [line.split("\t")[0].split()[0] for line in told.out.splitlines()] == ["0.00", "0.50", "1.00"]
    vaekit("interpolate", run, 0, 1, "--steps", 3, "--out", tmp_path / "walk.jsonl")
    assert len((tmp_path / "walk.jsonl").read_text().splitlines()) == 3


def test_analogy_of_twice_the_same_is_the_reconstruction(run):
    (found,) = texts(vaekit("analogy", run, "anna", "anna", "bob", "--json"))
    assert found == library.load(run).reconstruct(["bob"])[1][0]
    assert vaekit("analogy", run, 0, 1, 2).code == 0


def test_traverse_varies_every_dimension(run, tmp_path):
    found = vaekit("traverse", run, "anna", "--steps", 3, "--json").json
    assert sorted(found["dimensions"]) == [0, 1] and len(found["texts"]) == 6
    assert [row["value"] for row in found["texts"][:3]] == [-3, 0, 3]
    vaekit("traverse", run, "--steps", 2, "--out", tmp_path / "t.csv")
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 5


def test_manipulate_moves_toward_a_label_of_a_column(make_run, table, tmp_path):
    plain = make_run(table, "label_column=parity", base=TINY)
    found = vaekit("manipulate", plain, table, "--toward", "parity=odd", "--steps", 2, "--json").json["texts"]
    assert [row["strength"] for row in found[:3]] == [0, 1, 0] and len(found) == 2 * 60
    (first,) = library.load(plain).reconstruct(["a cat of 0 years"])[1]
    assert found[0]["text"] == first
    vaekit("manipulate", plain, table, "--toward", "odd", "--steps", 2, "--out", tmp_path / "m.jsonl")
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 120


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_encode_and_score_write_named_columns(run, tmp_path, suffix):
    file = lines(tmp_path / "names.txt", "anna", "bob", "cleo")
    codes, scores = tmp_path / f"codes{suffix}", tmp_path / f"scores{suffix}"
    assert vaekit("encode", run, file, "--out", codes, "--json").json["latent"] == 2
    found = vaekit("score", run, file, "--out", scores, "--samples", 3, "--json").json
    assert {row["datum"] for row in found["lowest"]} == {"anna", "bob", "cleo"}
    if suffix == ".npz":
        assert np.load(codes, allow_pickle=False)["mean"].shape == (3, 2)
        assert np.load(scores)["text"].tolist() == ["anna", "bob", "cleo"]
        return
    with scores.open() as table:
        rows = list(csv.DictReader(table))
    assert set(rows[0]) == {"name", "text", "elbo", "iw_3", "bits_per_dim", "ess"}
    assert [row["text"] for row in rows] == ["anna", "bob", "cleo"]


def test_the_verbs_take_the_labels_of_a_table_along(label_run, table, tmp_path):
    for words in (
        ("evaluate", label_run, "--samples", 2),
        ("evaluate", label_run, table, "--samples", 2),
        ("reconstruct", label_run, table),
        ("interpolate", label_run, 0, 1, "--steps", 2),
        ("analogy", label_run, 0, 1, 2),
        ("traverse", label_run, "--steps", 2),
        ("manipulate", label_run, table, "--toward", "odd", "--steps", 2),
        ("encode", label_run, table, "--out", tmp_path / "e.npz"),
        ("score", label_run, table, "--samples", 2, "--out", tmp_path / "s.csv"),
    ):
        assert vaekit(*words).code == 0, words


def test_a_run_of_one_column_reads_lines_too(make_run, table, tmp_path):
    run = make_run(table, "column=caption", "label_column=parity", base=TINY)
    other = lines(tmp_path / "other.txt", "a cat of 3 years", "a cat")
    assert vaekit("evaluate", run, other, "--samples", 2, "--json").json["n"] == 2


def test_compare_ranks_texts_and_keeps_them_apart_from_images(run, class_run, label_run):
    found = vaekit("compare", run, label_run, "--json").json
    assert found["comparable"] is False
    assert {row["likelihood"] for row in found["runs"]} == {"autoregressive"}
    assert vaekit("compare", run, run, "--json").json["comparable"] is True
    assert "cannot be compared" in vaekit("compare", run, class_run).out


def test_resume_extends_a_finished_run(run, copy):
    assert "is finished after 3 steps; extend it with" in vaekit("resume", run).sentence
    copied = copy(run)
    assert vaekit("resume", copied, "--time-limit", "+1s", "--json").json["run"] == str(copied)
    assert library.load(copied).history[-1]["step"] > 3


def test_fit_prior_writes_a_run_of_its_own(label_run, run, tmp_path):
    out = tmp_path / "fitted"
    assert vaekit("fit-prior", run, "--kind", "diagonal", "--out", out, "--json").json["run"] == str(out)
    assert library.load(out).experiment.model.prior.kind == "diagonal"
    assert len(vaekit("sample", out, "-n", 3).out.splitlines()) == 3
    assert "prior=vamp learns pseudo-inputs" in vaekit("fit-prior", run, "--kind", "vamp").sentence


def test_the_language_model_goes_through_every_verb(language_model, run):
    found = vaekit("evaluate", language_model, "--samples", 3, "--json").json
    assert found["rate"] == 0 and found["bounds"]["elbo"]["nats"] == found["bounds"]["iw"]["nats"]
    assert found["perplexity"]["elbo"]["value"] == found["perplexity"]["iw_3"]["value"]
    assert len(vaekit("sample", language_model, "-n", 3).out.splitlines()) == 3
    first, last = texts(vaekit("interpolate", language_model, "anna", "bob", "--steps", 2, "--json"))
    assert first == last
    assert vaekit("compare", language_model, run, "--json").json["comparable"] is True


def test_every_key_of_texts_is_listed():
    listed = {key["path"]: key for key in vaekit("fit", "--help-keys", "--json").json["keys"]}
    wanted = {"tokenizer", "column", "label_column", "recipe", "word_dropout", "teacher_forcing", "net.hidden", "tie"}
    assert wanted <= set(listed)
    assert not {"context", "vocabulary.kind"} & set(listed)


def test_the_report_is_written_again(run, copy, monkeypatch):
    from vaekit.interfaces.cli import comparing
    from vaekit.interfaces.report.report import write_report

    monkeypatch.setattr(comparing, "write_report", write_report)
    found = vaekit("report", copy(run), "--json").json
    page = Path(found["report"]).read_text()
    assert "bits/token" in page and "perplexity" in page


@pytest.mark.parametrize(
    "word", ["posterior=iaf", "posterior=vmf", "posterior=full", "posterior=gumbel", "posterior=poincare", "prior=gmm"]
)
def test_what_is_left_open_follows_posterior_and_prior(make_run, word):
    run = make_run("names-demo", word, base=TINY)
    assert vaekit("evaluate", run, "--samples", 2, "--json").json["bounds"]["iw"]["nats"] < 0


@pytest.mark.parametrize(("posterior", "objective"), [("delta", "rae"), ("vq", "vq")])
def test_posteriors_with_an_objective_of_their_own_bring_it(make_run, posterior, objective):
    run = make_run("names-demo", f"posterior={posterior}", base=TINY)
    assert library.load(run).experiment.objective.kind == objective
    assert len(vaekit("reconstruct", run, "anna").out.splitlines()) == 1
    assert len(vaekit("sample", run, "-n", 3).out.splitlines()) == 3


def test_rows_of_a_file_keep_their_number_and_their_words(run, tmp_path):
    some = tmp_path / "some.txt"
    some.write_text("Anna\n\n  \nBOB\n")
    for verb, out in (("score", "scores.csv"), ("encode", "latents.csv"), ("reconstruct", "again.csv")):
        vaekit(verb, run, some, "--out", tmp_path / out)
        with (tmp_path / out).open() as stream:
            rows = list(csv.DictReader(stream))
        assert [row["text"] for row in rows] == ["Anna", "BOB"], verb
        if verb != "reconstruct":
            assert [row["name"] for row in rows] == ["0", "3"], verb


def test_evaluation_says_what_of_the_test_texts_is_unknown_or_cut_and_the_bits_per_character(run, tmp_path):
    found = vaekit("evaluate", run, lines(tmp_path / "known.txt", "anna", "bob"), "--samples", 2, "--json").json
    assert (found["unknown_tokens"], found["cut_tokens"], found["cut_texts"], found["characters"]) == (0, 0, 0, 7)
    assert found["bits_per_character"] == pytest.approx(-2 * found["bounds"]["iw"]["nats"] / math.log(2) / 7)
    lossy = vaekit("evaluate", run, lines(tmp_path / "other.txt", "Łukasz", 12 * "ab"), "--samples", 2, "--json").json
    assert lossy["unknown_tokens"] == pytest.approx(1 / 32) and "bits_per_character" not in lossy
    assert lossy["cut_texts"] == 0.5 and lossy["cut_tokens"] == pytest.approx(13 / 32)
    assert any("the bound is one of rows of tokens, not of texts" in line for line in lossy["remarks"])
    assert any(
        "bits per character" in line or "of tokens, not of texts" in line
        for line in vaekit("evaluate", run, "--json").json["remarks"]
    )
