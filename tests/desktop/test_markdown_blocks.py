from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.markdown_blocks import CHUNK_LIMIT, Block, BlockKind, Chunk, ChunkSplitter, blocks

SOURCE = """# A heading
Some **bold**, *quiet* and `fixed` words,
on two lines.

1. first
2. second
   - inner

> said by another

```
a = 1

b = 2
```
the end"""


def split(text: str, size: int = 10_000) -> list[Chunk]:
    splitter = ChunkSplitter()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [chunk for piece in pieces for chunk in splitter.feed(piece)] + splitter.finish()


def words(block: Block) -> str:
    return "".join(run.text for run in block.runs)


def test_each_paragraph_list_and_fence_is_a_chunk() -> None:
    chunks = split(SOURCE)
    assert [chunk.code for chunk in chunks] == [False, False, False, True, False]
    assert chunks[3].source == "a = 1\n\nb = 2"


@given(st.integers(1, 40))
def test_chunks_do_not_depend_on_how_the_stream_was_cut(size: int) -> None:
    assert split(SOURCE, size) == split(SOURCE)


@given(st.text(alphabet="ab .\n`#*-> 1", max_size=400), st.integers(1, 9))
def test_any_text_survives_any_cut(text: str, size: int) -> None:
    chunks = split(text, size)
    assert chunks == split(text)
    letters = [sign for chunk in chunks for sign in chunk.source if sign in "ab"]
    # The word after an opening fence names a language, and is not shown.
    if "```" not in text:
        assert letters == [sign for sign in text if sign in "ab"]


def test_pending_is_the_text_that_is_not_complete_yet() -> None:
    splitter = ChunkSplitter()
    assert splitter.feed("One.\n\nTwo ") == [Chunk("One.")]
    assert splitter.pending == "Two "
    assert splitter.feed("more\nand") == []
    assert splitter.pending == "Two more\nand"


def test_a_long_paragraph_is_cut_softly_after_a_sentence() -> None:
    chunks = split("A short sentence of words. " * 400, 7)
    assert len(chunks) > 4
    assert all(len(chunk.source) <= CHUNK_LIMIT for chunk in chunks)
    assert all(chunk.source.rstrip().endswith(".") for chunk in chunks)
    assert [chunk.continues for chunk in chunks] == [False] + [True] * (len(chunks) - 1)
    assert blocks(chunks[1])[0].close


def test_a_word_without_an_end_is_cut_too() -> None:
    chunks = split("x" * 3 * CHUNK_LIMIT)
    assert [len(chunk.source) for chunk in chunks] == [CHUNK_LIMIT] * 3


def test_long_code_is_cut_at_line_ends_and_stays_code() -> None:
    chunks = split("```\n" + "line = 1\n" * 1000 + "```\nafter")
    assert all(chunk.code for chunk in chunks[:-1])
    assert sum(chunk.source.count("line = 1") for chunk in chunks) == 1000
    assert chunks[-1] == Chunk("after")


def test_blocks_carry_their_styles() -> None:
    heading, paragraph = blocks(Chunk("## Rest\nSome **bold**, *quiet*, `fixed`, ~~gone~~\nwords"))
    assert (heading.kind, heading.depth, words(heading)) == (BlockKind.HEADING, 2, "Rest")
    styled = {run.text: (run.bold, run.italic, run.code, run.struck) for run in paragraph.runs}
    assert styled["bold"] == (True, False, False, False)
    assert styled["quiet"] == (False, True, False, False)
    assert styled["fixed"] == (False, False, True, False)
    assert styled["gone"] == (False, False, False, True)
    assert styled["\n"] == (False, False, False, False)


def test_lists_keep_their_markers_and_depth() -> None:
    found = blocks(Chunk("3. three\n4. four\n   - inner"))
    assert [(block.marker, block.depth, words(block)) for block in found] == [
        ("3.", 1, "three"),
        ("4.", 1, "four"),
        ("•", 2, "inner"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "<img src='file:///etc/passwd'>",
        "<script>x</script>",
        "![alt](http://example.org/a.png)",
        "[words](http://example.org)",
        "<http://example.org>",
        "[words]: http://example.org",
        "<b>bold</b>",
    ],
)
def test_html_images_and_links_stay_text(source: str) -> None:
    (block,) = blocks(Chunk(source))
    assert block.kind is BlockKind.PARAGRAPH
    assert words(block) == source


@pytest.mark.parametrize("source", ["> " * 40 + "deep", "- " * 40 + "deep"])
def test_what_is_nested_too_deeply_is_still_shown(source: str) -> None:
    assert "deep" in "".join(map(words, blocks(Chunk(source))))


@pytest.mark.parametrize("unit", ["*", "**a ", "`", "[(", "> ", "*a **b ", "~~", "\\", "&amp;"])
def test_hostile_chunks_are_read(unit: str) -> None:
    source = (unit * CHUNK_LIMIT)[:CHUNK_LIMIT]
    assert blocks(Chunk(source))


def test_a_repr_shows_no_words() -> None:
    assert "secret" not in repr(Chunk("secret")) + repr(blocks(Chunk("a secret")))
