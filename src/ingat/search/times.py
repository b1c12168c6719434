"""Time expressions in turns, and questions that ask for a time, per language.

Words carry marks that a turn's analysis adds up while it looks its words up; languages written without spaces are
searched as text.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from ingat.core.dates import DAY_MS

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

TIME = 1
"""The word alone is a time expression."""
LEAD = 2
"""A word such as "last" or "next": a time expression when a unit follows."""
UNIT = 4
"""A word such as "week" or a part of the day: a time expression after a lead, or before one that follows."""
FOLLOW = 8
"""A word such as Indonesian "lalu" or "depan": a time expression after a unit."""

MONTHS: dict[str, str] = {
    "en": "january february march april may june july august september october november december",
    "id": "januari februari maret april mei juni juli agustus september oktober november desember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "he": "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
}
"""Month names by language, January first."""

_TIMES = """
yesterday today tomorrow tonight ago recently lately since weekend weekends
monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep sept oct nov dec
years months weeks decades
kemarin besok lusa tadi barusan sejak minggu senin selasa rabu kamis jumat sabtu ahad
ayer hoy mañana anoche lunes martes miércoles jueves viernes sábado domingo desde años meses semanas
hier aujourd demain récemment depuis lundi mardi mercredi jeudi vendredi samedi dimanche années mois semaines
gestern heute morgen vorgestern neulich seit montag dienstag mittwoch donnerstag freitag samstag sonntag jahre monate
ontem hoje amanhã ieri oggi domani gisteren vandaag вчера сегодня завтра недавно أمس اليوم غدا منذ
אתמול היום מחר שלשום לאחרונה מאז אמש סופש
"""
_LEADS = """
last next this past
pada hari
הקודם הקודמת הבא הבאה שעבר שעברה
letzte letzten nächste nächsten diese próximo próxima último última pasado pasada dernier dernière prochain prochaine
"""
_UNITS = """
day week month year morning afternoon evening night summer winter spring fall autumn decade semester quarter
hari pekan bulan tahun pagi siang sore malam
שבוע חודש שנה יום
woche monat jahr semana mes año mês ano semaine année
"""
_FOLLOWS = """
lalu depan kemarin הקודם הקודמת הבא הבאה שעבר שעברה האחרון האחרונה
pasado pasada passado passada dernier dernière
"""

_UNSPACED_TIME = re.compile(
    "昨[天日晚]|今[天日晚年]|明[天日年]|前天|后天|後天|上个?[周月]|下个?[周月]|上個[週月]|下個[週月]|去年|最近|周末|週末|以来|之前"
    "|星期[一二三四五六日天]|周[一二三四五六日]|[月曜火水木金土日]曜日?|[0-9〇一二三四五六七八九十两]+[年月天日周個个]"
    "|เมื่อวาน|วันนี้|พรุ่งนี้|ปีที่แล้ว|เดือน|สัปดาห์|วันจันทร์|วันอังคาร|วันพุธ|วันศุกร์|วันเสาร์|วันอาทิตย์"
    "|어제|오늘|내일|지난|다음|최근|요일"
)
_WHEN = re.compile(
    r"\bwhen\b|\b(what|which) (date|day|month|year|time|week|weekend)\b|\bhow long\b"
    r"|\bhow many (days|weeks|months|years)\b"
    r"|\b(kapan|bilamana|sejak kapan|berapa lama)\b|\b(tanggal|hari|bulan|tahun|jam|pukul) (berapa|apa)\b"
    r"|\bberapa (hari|minggu|bulan|tahun)\b"
    r"|\bcu[aá]ndo\b|\bcu[aá]nto tiempo\b|\bquand\b|\bcombien de temps\b|\bwann\b|\bwie lange\b|\bquando\b|\bwanneer\b"
    r"|\bкогда\b|\bкак долго\b|متى|כמה זמן|\bמתי\b|באיז[הו] (תאריך|יום|חודש|שנה|שעה)|לפני כמה"
    r"|什么时候|什麼時候|何时|何時|几时|幾時|哪[一]?[天年月]|哪个月|多久|几[月号点年]|幾[月號點年]"
    r"|いつ|何[年月日]|เมื่อไหร่|เมื่อไร|언제|며칠|\bkab\b|कब"
)


def _marks() -> dict[str, int]:
    marks: dict[str, int] = {}
    months = " ".join(MONTHS.values())
    for mark, words in ((TIME, _TIMES + months), (LEAD, _LEADS), (UNIT, _UNITS), (FOLLOW, _FOLLOWS)):
        for word in words.split():
            marks[word] = marks.get(word, 0) | mark
    return marks


_MARKS = _marks()


def marks_of(word: str) -> int:
    """Return the time marks of one lower-case word; a year written with four digits is a time expression."""
    if len(word) == 4 and word.isdecimal() and word[:2] in ("19", "20"):
        return TIME
    return _MARKS.get(word, 0)


def unspaced_time(text: str) -> bool:
    """Return whether a text of a language written without spaces holds a time expression."""
    return _UNSPACED_TIME.search(text) is not None


def asks_when(text: str) -> bool:
    """Return whether a lower-case question asks for a date, a time or a duration."""
    return _WHEN.search(text) is not None


def date_words(at_ms: int, language: str = "en") -> str:
    """Return a moment's UTC date as words to index: "8 may 2023", with the month in the text's language too.

    A moment outside the years 1 to 9999 has no words.
    """
    return _day_words(at_ms // DAY_MS, language)


@lru_cache(maxsize=4096)
def _day_words(day: int, language: str) -> str:
    ordinal = day + _EPOCH_ORDINAL
    if not 1 <= ordinal <= date.max.toordinal():
        return ""
    moment = date.fromordinal(ordinal)
    words = f"{moment.day} {MONTHS['en'].split()[moment.month - 1]} {moment.year}"
    if language != "en" and language in MONTHS:
        words += " " + MONTHS[language].split()[moment.month - 1]
    return words
