"""The initial threads and messages of the demo, on everyday matters.

`seed` saves them without notifications; only later actions notify users.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Said:
    """One message: by whom, how many hours ago, in reply to which message of the thread (its index), and who voted."""

    author: str
    hours_ago: float
    body: str
    reply_to: int | None = None
    votes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread; the author of the first message started it, and may have accepted one (its index) as the answer."""

    title: str
    messages: tuple[Said, ...]
    accepted: int | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """A document that was brought to a collection, with the owners of that."""

    author: str
    hours_ago: float
    title: str
    text: str
    collection: str
    owners: tuple[str, ...]


#: Badges that were given by hand: to whom, which, and by whom.
AWARDED: Final = (("cleo", "good-host", "mia"),)


CONVERSATIONS: Final = (
    Conversation(
        "Saturday bread: what is in your oven?",
        (
            Said(
                "ann",
                50,
                "Mine is a plain wheat loaf, a fifth of it rye, left in the fridge overnight. The crust came out "
                "darker than I meant it to, and better for it.\n\nWhat are you baking this weekend?",
            ),
            Said("ben", 48, "Rolls with sunflower seeds. @ann how long does yours stand before it goes in?", 0),
            Said(
                "ann",
                47.5,
                "About an hour on the table, @ben. It should spring back slowly when you press it.",
                1,
                ("ben", "eva"),
            ),
            Said("cleo", 44, "I have a jar of starter that nobody here remembers beginning. Anyone want half?"),
            Said("dan", 43, "Yes, please! I can come by on Sunday.", 3),
            Said("eva", 20.2, "Focaccia, with rosemary from the balcony. It did not live to see a photograph."),
        ),
    ),
    Conversation(
        "Tomatoes on a balcony that faces north",
        (
            Said(
                "dan",
                76,
                "Four hours of sun on a good day. Is there a kind that does not mind, or should I give up and "
                "plant mint like everyone else?",
            ),
            Said("eva", 75, "Small ones ripen with less light. Mine turned in September, but they turned.", 0),
            Said(
                "mia",
                70,
                "Put something white behind the pots. It makes more of a difference than I expected.",
                votes=("ann", "dan", "eva"),
            ),
            Said("dan", 30.5, "There is now an old bed sheet on my balcony. I will report, @mia.", 2),
        ),
        accepted=2,
    ),
    Conversation(
        "Repair evening: bring something broken",
        (
            Said(
                "mia",
                29,
                "The next one is on Thursday at seven, in the room above the library. We have two soldering irons, a "
                "sewing machine, and @ben, who can open nearly anything.",
            ),
            Said("ben", 28, "Open, yes. Closing it again is what we are practising.", 0),
            Said("cleo", 27, "I will bring a lamp that flickers, and a cake that does not."),
            Said("ann", 8.4, "Could somebody look at a bicycle bell? It only rings when it rains.", 0),
        ),
        pinned=True,
    ),
    Conversation(
        "A book to read together in winter",
        (
            Said(
                "eva",
                120,
                "Something one can put down and pick up again. Last year's had nine hundred pages and four "
                "people of the same name.",
            ),
            Said("cleo", 118, "Short stories, then? One a week, and we talk about it on Fridays.", 0),
            Said("ben", 117, "I like that. @eva, would you choose the first?", 1),
            Said("eva", 96, "With pleasure. I will bring three, and we draw lots.", 2),
        ),
    ),
    Conversation(
        "The path along the river is open again",
        (
            Said(
                "ben",
                5.5,
                "All the way to the weir, and the benches are back. There was a kingfisher by the second bridge this "
                "morning; it did not wait for me to find my glasses.",
            ),
            Said("ann", 4.8, "How good to know. Shall we walk it on Sunday, @cleo and @dan?", 0),
            Said("cleo", 3.1, "Sunday is fine. I bring the flask.", 1),
        ),
    ),
)

DOCUMENT: Final = Brought(
    author="ann",
    hours_ago=26,
    title="Plain wheat loaf",
    text=(
        "# Dough\n\nFour hundred grams of wheat flour, a hundred of rye flour, three hundred and fifty of water, ten "
        "of salt, and a spoon of starter. Mix flour and water, wait for an hour, then add starter and salt. Fold the "
        "dough three times, and leave it in the fridge overnight.\n\n# Oven\n\nHeat the oven with a pot in it for "
        "half an hour. Bake the dough in the pot with its lid on, and then for twenty minutes without.\n\nQuestions: "
        "ann@bread.example\n"
    ),
    collection="Recipes",
    owners=("cleo", "eva"),
)
