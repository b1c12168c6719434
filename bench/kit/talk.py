"""Talk: made-up chat turns, always the same for the same seed."""

from __future__ import annotations

import random


def _split(words: str) -> list[str]:
    return words.split("|")


_PEOPLE = _split("Sari|Budi|Dewi|Marco|Lena|Aunt-Rosa|Pak-Hadi|Noor|Felix|Tamar|Joon|Wulan|Priya|Oskar|Ines|Bima")
_ACTS = _split(
    "fixed|cleaned|bought|sold|painted|moved|lost|found|borrowed|ordered|cancelled|booked|cooked|planted|"
    "measured|replaced|visited|called|photographed|packed|returned|repaired|washed|built|burned|mailed|"
    "tested|tuned"
)
_THINGS = _split(
    "kitchen-sink|bicycle|piano|laptop|curtain|mango-tree|ticket|jacket|washing-machine|radio|notebook|"
    "aquarium|ladder|lamp|suitcase|camera|blanket|toaster|guitar|passport|garden-hose|teapot|bookshelf|"
    "helmet|scooter|printer|window|fence|mattress|keyboard|violin|umbrella|carpet|heater|oven|drill|"
    "telescope|wallet|mirror|necklace"
)
_PLACES = _split(
    "market|office|station|library|hospital|beach|workshop|school|airport|bakery|museum|park|harbour|"
    "clinic|garage|village|bridge|theatre|bank|temple"
)
_QUALITIES = _split("blue|old|broken|heavy|cheap|tiny|wooden|rusty|quiet|bright|expensive|soft|leaking|foreign|spare")
_TIMES = _split(
    "yesterday|last week|on Tuesday|this morning|two days ago|in March|before lunch|last summer|tomorrow|at nine"
)
_FEELINGS = _split("happy|tired|worried|proud|surprised|bored|relieved|curious|annoyed|hopeful")
_OPENINGS = _split("Well|By the way|Honestly|You know|Anyway|Oh|Right|Listen")
_ENDINGS = _split(
    "and it cost {number} in the end|because the {thing} did not fit|so I felt {feeling} about it|"
    "with help from {person}|and now the {thing} is at the {place}|although {person} said it would rain|"
    "which took {number} minutes"
)
_QUESTIONS = _split(
    "What did {person} do with the {thing}?|When did we talk about the {thing} at the {place}?|"
    "Who {act} the {quality} {thing}?|How much was the {thing} from the {place}?|"
    "Where is the {quality} {thing} now?"
)


class Talk:
    """A source of turns and questions. About 20 words a turn, as in conversations between people."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def turn(self) -> str:
        """Return one or two sentences."""
        return " ".join(self._sentence() for _ in range(self._random.choice((1, 1, 1, 2))))

    def exchange(self, place: int) -> dict[str, str]:
        """Return the message at this place of a chat: a person's turn, or an assistant's answer of 3 to 5 sentences."""
        if place % 2 == 0:
            return {"role": "user", "content": self.turn()}
        sentences = [self._sentence() for _ in range(self._random.choice((3, 4, 5)))]
        return {"role": "assistant", "content": " ".join(sentences)}

    def turns(self, count: int) -> list[str]:
        """Return that many turns."""
        return [self.turn() for _ in range(count)]

    def question(self) -> str:
        """Return a question about things that turns speak of."""
        return self._filled(self._random.choice(_QUESTIONS))

    def questions(self, count: int) -> list[str]:
        """Return that many questions."""
        return [self.question() for _ in range(count)]

    def _sentence(self) -> str:
        pick = self._random.choice
        middle = self._filled("{person} {act} the {quality} {thing} from the {place} ")
        return f"{pick(_OPENINGS)}, {middle}{pick(_TIMES)} {self._filled(pick(_ENDINGS))}."

    def _filled(self, pattern: str) -> str:
        pick = self._random.choice
        return pattern.format(
            person=pick(_PEOPLE),
            act=pick(_ACTS),
            thing=pick(_THINGS).replace("-", " "),
            place=pick(_PLACES),
            quality=pick(_QUALITIES),
            feeling=pick(_FEELINGS),
            number=self._random.randrange(5, 999),
        )
