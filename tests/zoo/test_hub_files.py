"""What is read from and written to files: cards inside ONNX files, card.json, model pages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from elytra_card import CARD
from kinds import WriteModel

from beetle_lm.errors import ModelError
from beetle_lm.zoo.hub.model_page import model_page
from beetle_lm.zoo.hub.name import HubModel
from beetle_lm.zoo.model_file.card import CARD_KEY, Metrics, ModelCard
from beetle_lm.zoo.model_file.manifest import Manifest, file_sha256
from beetle_lm.zoo.model_file.onnx import read_card
from beetle_lm.zoo.store import Store

MODEL = HubModel("lab/elytra", "v1")


def test_card_of_a_model_as_the_runtime_reads_it(write_model: WriteModel) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = write_model("m.onnx")
    properties = runtime.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert read_card(path) == ModelCard.from_json(properties[CARD_KEY])


def test_card_among_other_metadata(write_model: WriteModel, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = write_model("m.onnx")
    model = onnx.load(path)
    for key in ("before", "empty"):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, "x" * 300 if key == "before" else ""
    model.doc_string = "a model"
    model.model_version = 2**40
    onnx.save(model, path)
    assert read_card(path).spec.name == "dots"


def test_cut_off_at_any_place(write_model: WriteModel) -> None:
    path = write_model("m.onnx")
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"not an ONNX file|no card"):
            read_card(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"<html></html>",
        b"\xff" * 40,
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a graph of 2^62 bytes
        b"\x3a\x00\x72\x04\x0a\x02\xff\xfe",  # a key that is no text
        b"\x3a\x00\x72\x02\x0a\x7f",  # a key that is longer than its entry
        b"\x00\x01",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12\n",
    ],
)
def test_what_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.onnx is not an ONNX file, or is damaged"):
        read_card(path)


def test_a_network_without_a_card(write_model: WriteModel) -> None:
    with pytest.raises(ModelError, match="is not a beetle-lm model: it carries no card"):
        read_card(write_model("m.onnx", with_card=False))
    with pytest.raises(ModelError, match=r"m\.onnx: the model's card is damaged"):
        read_card(write_model("m.onnx", card="{}"))


def test_manifest_comes_back_whole(write_model: WriteModel) -> None:
    path = write_model("m.onnx")
    manifest = Manifest.of_file(path)
    assert manifest.sha256 == file_sha256(path)
    assert manifest.size == path.stat().st_size
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sha256", "0" * 63),
        ("sha256", "../" + "0" * 61),
        ("size", 0),
        ("size", "3"),
        ("file", "../model.onnx"),
        ("card", {}),
        ("card", None),
        ("more", 1),
    ],
)
def test_manifests_that_cannot_be(field: str, value: object) -> None:
    fields = json.loads(Manifest("0" * 64, 1, CARD).to_json())
    with pytest.raises(ModelError):
        Manifest.from_json(json.dumps({**fields, field: value}))
    with pytest.raises(ModelError):
        Manifest.from_json(b"\xff\xfe")


def test_records_of_the_store_name_no_other_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pulled"
    folder.mkdir()
    record = {"source": "hf:a/b@main", "commit": "", "file": "../../x.onnx"}
    manifest = json.loads(Manifest("0" * 64, 1, CARD).to_json())
    (folder / "1.json").write_text(json.dumps({**record, "manifest": manifest}), encoding="utf-8")
    (folder / "2.json").write_text("{", encoding="utf-8")
    store = Store(tmp_path)
    assert store.records() == []
    assert [whole for _, _, whole in store.verify()] == [False, False]


def page(card: ModelCard) -> str:
    return model_page(Manifest("ab" * 32, 1234, card), MODEL)


def test_page_is_what_the_hub_reads() -> None:
    from huggingface_hub import ModelCard as HubPage
    from huggingface_hub import ModelCardData

    measured = (Metrics('10 beetles: of the "test" series, it\'s', 10, 2.512), *CARD.metrics)
    read = HubPage(page(replace(CARD, metrics=measured)))
    assert isinstance(read.data, ModelCardData)
    assert read.data.license == "apache-2.0"
    assert read.data.library_name == "beetle-lm"
    assert {"beetle-lm", "landmarks", "elytra"} <= set(read.data.tags or ())
    assert read.data.model_name == "elytra"
    assert read.data.eval_results is not None
    assert [result.metric_value for result in read.data.eval_results] == [2.512, 2.5]
    assert read.data.eval_results[0].dataset_name == measured[0].data
    assert read.content.count("\n---\n") == 1


@pytest.mark.parametrize("licence", ["not stated", "LicenseRef-Lab: ask us\nfirst", "???"])
def test_other_licences(licence: str) -> None:
    from huggingface_hub import ModelCard as HubPage
    from huggingface_hub import ModelCardData

    read = HubPage(page(replace(CARD, licence=licence, metrics=())))
    assert isinstance(read.data, ModelCardData)
    entries = read.data.to_dict()  # type: ignore[no-untyped-call]  # the Hub's
    assert read.data.license == "other"
    assert entries["license_name"]
    assert "model-index" not in entries
    assert "Nothing was measured" in read.text


def test_page_tells_a_biologist_what_to_do() -> None:
    text = page(replace(CARD, provenance="photographs by A | B, *drawn* <by> hand\n---\nand more"))
    assert "# elytra: 11 landmarks" in text
    assert "beetle-lm predict photographs/ --model hf:lab/elytra@v1" in text
    assert "| 1 | scutellum, tip |" in text
    assert "| 11 | scutellum, side left |" in text
    assert "| photographs kept aside | 10 | 2.50 |" in text
    assert r"A | B, \*drawn\* \<by\> hand --- and more" in text
    assert "ab" * 32 in text
    assert "input `image`, uint8 (N, 1, 192, 256)" in text
