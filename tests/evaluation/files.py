"""Small files in the formats that evaluation reads, with conversations of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LOCOMO: list[dict[str, Any]] = [
    {
        "sample_id": "garden-1",
        "conversation": {
            "speaker_a": "Rani",
            "speaker_b": "Tomas",
            "session_1_date_time": "9:05 am on 3 February, 2025",
            "session_1": [
                {"speaker": "Rani", "dia_id": "D1:1", "text": "We dug a pond behind the greenhouse."},
                {"speaker": "Tomas", "dia_id": "D1:2", "text": "Lovely. My violin string snapped at rehearsal."},
                {
                    "speaker": "Rani",
                    "dia_id": "D1:3",
                    "text": "Look at this.",
                    "img_url": ["https://example.org/heron.jpg"],
                    "blip_caption": "a heron standing on one leg",
                    "query": "heron",
                },
            ],
            "session_2_date_time": "12:30 pm on 14 March, 2025",
            "session_2": [
                {"speaker": "Tomas", "dia_id": "D2:1", "text": "The dentist moved my appointment to Friday."},
                {"speaker": "Rani", "dia_id": "D2:2", "text": "The tomatoes in the greenhouse are sprouting."},
            ],
            "session_3_date_time": "8:00 pm on 1 April, 2025",
        },
        "qa": [
            {"question": "What did Rani dig?", "answer": "a pond", "evidence": ["D1:1"], "category": 4},
            {
                "question": "What is in the greenhouse?",
                "answer": 2,
                "evidence": ["D:1:01; D2:2", "D9:9"],
                "category": 1,
            },
            {"question": "Which bird did Rani see?", "answer": "a heron", "evidence": ["D1:3"], "category": 4},
            {"question": "Is Tomas musical?", "answer": "yes", "evidence": [], "category": 3},
            {"question": "Who sold the boat?", "adversarial_answer": "Rani", "evidence": ["D1:1"], "category": 5},
        ],
    }
]

BEAM: list[dict[str, Any]] = [
    {
        "id": "7",
        "messages": [
            {"id": 0, "session": 1, "role": "user", "content": "My tortoise is called Bruno.", "date": "March-15-2024"},
            {"id": 1, "session": 1, "role": "assistant", "content": "Bruno is a fine name.", "date": None},
            {"id": 2, "session": 2, "role": "user", "content": "I moved to Semarang.", "date": "April-02-2024"},
        ],
        "questions": [
            {"question": "What is my tortoise called?", "category": "information_extraction", "gold": [0, 1]},
            {"question": "Where do I live?", "category": "knowledge_update", "gold": [2, 99]},
            {"question": "What did I eat?", "category": "knowledge_update", "gold": [99]},
        ],
    }
]


def written(folder: Path, content: Any) -> Path:
    """Write a value as JSON, or text as it is, and return the file."""
    path = folder / "conversations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
