"""What the command line says of a `Hint`: which of a command's options help.

Each hint has one or more sentences; the one is used whose options the command has, all of them, so
that no message names an option that is not there. Where there is none, the message stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from beetle_lm.errors import BeetleLMError, Hint, TrainingDataError

SENTENCES: Mapping[Hint, tuple[str, ...]] = {
    Hint.ANOTHER_OUTPUT: ("name another folder with -o",),
    Hint.REPLACE: ("--overwrite replaces it",),
    Hint.REPLACE_OR_ANOTHER_NAME: ("give another name, or --overwrite to replace it",),
    Hint.REPLACE_OR_ANOTHER_OUTPUT: ("--overwrite replaces them, -o names another folder",),
    Hint.UNFINISHED_RUN: (
        "--resume goes on with it, --overwrite starts anew, -o names another folder",
        "--resume goes on with it, another folder starts a new one",
    ),
    Hint.UNFINISHED_IN_STORE: ("--resume goes on with it, -o names another folder",),
    Hint.RUN_IN_PROGRESS: (
        "wait until it ends, or name another folder with -o",
        "wait until it ends",
    ),
    Hint.RESUME: ("make room, and go on with --resume",),
    Hint.RESUME_LATER: ("the same command with --resume goes on, with or without --engine",),
    Hint.RESUME_WHEN_BACK: ("when it does, the same command with --resume goes on",),
    Hint.CREDENTIALS: (
        "credentials are taken from the environment, such as AWS_ACCESS_KEY_ID, and"
        " FSSPEC_S3_ANON=true reads a public bucket without",
    ),
    Hint.LISTED: ("--list names a list of the photographs",),
    Hint.START_ANEW: (
        "go on with what it was begun with, or start anew with --overwrite",
        "give the options of its first start, or another folder",
    ),
    Hint.MAKE_AGAIN: (
        "remove that file, and go on with --resume",
        "remove that file, and gather again to see how it is made",
    ),
    Hint.SHARDED_FOLDER: ("give the folder that the shards of `beetle-lm predict` wrote to",),
    Hint.DROP: ("--overwrite starts anew",),
    Hint.MOVE_AWAY: ("move it away, and go on with --resume",),
    Hint.CLOSE_IT: ("if another program has it open, close it there, and go on with --resume",),
    Hint.FINISH_FIRST: ("finish it first: resume the command that began it, or gather its shards",),
    Hint.RESULTS_FOLDER: ("give the folder that `beetle-lm predict` wrote to",),
    Hint.PREDICT_AGAIN: ("predict again, with --overwrite", "predict again"),
    Hint.IMAGE_SIZES: (
        "give --images DIR with the photographs, or --image-size WIDTHxHEIGHT if all have one size",
    ),
    Hint.TIDY_TABLE: ("--to tidy writes one",),
    Hint.WIDE_TABLE: ("--to wide writes one",),
    Hint.SUBFOLDERS: ("-r looks into sub-folders too",),
    Hint.MORE_PIXELS: ("--max-pixels raises this limit",),
    Hint.EVERY_PAGE: ("--pages all takes each for a photograph",),
    Hint.PHOTOGRAPHS_MOVED: ("--images says where the photographs are now",),
    Hint.CPU: ("without a GPU, use --device cpu",),
    Hint.NO_ISOLATION: ("leave --isolate out",),
    Hint.REGISTRY: ("check --zoo and BEETLE_LM_ZOO",),
    Hint.MODEL_FILE: ("give the model's file with --model",),
    Hint.DOWNLOADED_FILE: ("give that file with --model",),
    Hint.SKIP_BAD: ("--skip-bad goes on without these specimens",),
    Hint.START_FROM_WEIGHTS: ("add --init",),
    Hint.NO_TURN: ("--turn has no effect",),
    Hint.NO_SHAPES: ("leave --shapes out",),
    Hint.TRAIN_WITHOUT_CUDA: (
        "`beetle-lm doctor` says what is installed, --device cpu trains without",
    ),
    Hint.OTHER_REPORT: ("give those of then, or another folder with -o",),
    Hint.UNFINISHED_TRAINING: ("`beetle-lm train` can go on with it",),
    Hint.CHECKED_ON_PHOTOGRAPHS: ("--images says where some are",),
    Hint.WITHOUT_FP16: ("without --fp16 the file is nearer, and twice as large",),
    Hint.WITHOUT_INT8: ("without --int8 the file is nearer, and four times as large",),
    Hint.SEARCH: ("--search looks for any part",),
    Hint.NO_FINDING: ("leave --find out",),
    Hint.NO_INT8: ("leave --int8 out (--fp16 halves the file)",),
}

_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")


def options_in(sentence: str) -> list[str]:
    """The options that a sentence names."""
    return _OPTION.findall(sentence)


def told(error: BeetleLMError, options: Collection[str]) -> str:
    """An error and its hint as one text.

    Args:
        error: what went wrong.
        options: those of the command at hand, e.g. ``--output`` and ``-o``.
    """
    sentence = None if error.hint is None else sentence_for(error.hint, options)
    if sentence is None:
        return str(error)
    between = "\n" if isinstance(error, TrainingDataError) else "; "
    return f"{error}{between}{sentence}"


def sentence_for(hint: Hint, options: Collection[str]) -> str | None:
    """What the command at hand can do; None where it has not the options that help."""
    for sentence in SENTENCES[hint]:
        if all(option in options for option in options_in(sentence)):
            return sentence
    return None
