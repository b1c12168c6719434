"""What a sentence is made of, told by its words: facts and decisions, or greetings and thanks, per language.

A cue that is missing costs little: what a sentence has in common with the others, its numbers and its names count too.
"""

from __future__ import annotations

import re

from ingat.search.text import fold

_FACTS = r"""
(my|our|his|her|their) (\w+ ){0,2}(name|address|birthday|email|phone|number|account|order|wife|husband|son|daughter
|dog|cat|mother|mom|mum|father|dad|sister|brother|partner|boss|team|budget|plan|job|doctor|deadline|size|password
|flight)|call me|i['’]m called|i am called|i['’]m (a|an|from|in|going|moving|allergic)|i am (a|an|from|in|going|moving
|allergic)|i (live|work|moved|study|prefer|like|love|hate|dislike|want|need|decided|chose|bought|ordered|booked|paid
|cancelled|canceled|have|own|use|never|always|will|plan)|i don['’]t (like|want|need|eat|drink|have)|i['’]d (like
|prefer)|i would like|we (decided|agreed|chose|need|want|will|have|prefer|settled)|let['’]s|let us|decided|decision
|agreed|agree to|confirm(ed|s)?|booked|booking|scheduled|appointment|deadline|due|cancel(led|ed)?|must|remember
|don['’]t forget|prefer(s|red)?|instead of|favou?rite|promised?|warranty|invoice|allerg(y|ic|ies)|broken|refund(ed)?
|deliver(y|ed)?|go with|settled on|costs?|price|nama (saya|ku|lengkap|anak|istri|suami)|namaku|panggil (saya|aku)
|(saya|aku|kami|kita) (tinggal|bekerja|kerja|pindah|suka|mau|ingin|butuh|perlu|pilih|memilih|setuju|sepakat|pesan|beli
|membeli|alergi|punya|akan|lebih suka|tidak suka|putuskan|memutuskan|sudah bayar)|alamat|alergi|ulang tahun|janji
|rusak|diputuskan|memutuskan|sepakat|setuju|jadinya|harus|jangan lupa|dijadwalkan|dikonfirmasi|pesanan|tagihan
|harga(nya)?|garansi|batal(kan)?|nomor|lebih suka|pilihan|me llamo|mi (nombre|dirección|cumpleaños|correo|teléfono)
|vivo en|trabajo en|prefiero|quiero|necesito|decidí|decidimos|acordamos|alérgic[oa]|reservad[oa]|cita|je m['’]appelle
|mon (nom|adresse|anniversaire)|j['’]habite|je (préfère|veux|voudrais)|nous avons décidé|allergique|rendez-vous
|ich heiße|mein(e)? (name|adresse|geburtstag|frau|mann)|ich (wohne|arbeite|möchte|will|brauche|bevorzuge)
|wir haben (uns )?(entschieden|beschlossen)|vereinbart|allergisch|termin|meu nome|minha|moro em|prefiro|decidimos
|mi chiamo|abito|preferisco|меня зовут|мой|моя|я (живу|работаю|хочу|предпочитаю|купил|купила|решил|решила)
|договорились|решили|аллергия|заказ|встреча|адрес
"""
_HEBREW_ARABIC = r"""
שמי|קוראים לי|השם שלי|אני (גר|גרה|עובד|עובדת|רוצה|מעדיף|מעדיפה|צריך|צריכה|אלרגי|אלרגית|אוהב|אוהבת|לומד|לומדת|עוברת
|עובר)|החלטנו|החלטתי|הוחלט|סיכמנו|נקבע|קבענו|נסגור|סגרנו|בחרנו|בחרתי|מעדיפ|אלרגי|כתובת|יום ההולדת|יום הולדת|הזמנתי
|הזמנה|חשבונית|התקציב|תקציב|פגישה|תור|מחיר|לזכור|חייב|חייבת|אסור|אשתי|בעלי|הבן שלי|הבת שלי|הכלב|מספר|اسمي|أسكن|أعيش
|أعمل|أريد|أفضل|أحتاج|قررنا|قررت|اتفقنا|موعد|عنواني|عنوان|حساسية|طلب|فاتورة|سعر|ميزانية|عيد ميلاد
"""
_UNSPACED_FACTS = (
    "我叫|我姓|我的|名字|我住|我在|我想|我要|我们|我們|喜欢|喜歡|决定|決定|同意|过敏|過敏|生日|地址|预约|預約|约好|约在|必须|必須|订了"
    "|预订|訂|确认|確認|电话|電話|预算|預算|发票|价格|購買|购买|买了|选择|选了|改到|取消|保修|坏了|偏好|更喜欢|妻子|丈夫|儿子|女儿"
    "|と申します|といいます|私の|住んで|働いて|決め|決まり|決定|予約|好き|欲しい|アレルギー|誕生日|住所|電話|予算|価格|注文|約束"
    "|제 이름|저는|살고|결정|예약|좋아|알레르기|생일|주소|전화|예산|가격|주문|약속"
    "|ผมชื่อ|ฉันชื่อ|อาศัย|ตกลง|ตัดสินใจ|แพ้|วันเกิด|ที่อยู่|งบ|ราคา|นัด"
)
_GREETINGS = r"""
hi|hello|hey|hiya|howdy|dear|good (morning|afternoon|evening|night|day)|(many |so much )?thanks( a lot| so much
| again)?|thank you( so much| very much| again)?|thx|cheers|you['’]?re( very| most)? welcome|welcome( back)?
|my pleasure|bye( bye)?|goodbye|see you( soon| later| then| tomorrow)?|take care|have a (nice|good|great|lovely
|wonderful) \w+|good luck|nice to meet you|how are you( doing)?( today)?|how['’]?s it going|what['’]?s up|(can|how can
|how may|what can) i help( you)?( with)?( anything)?( else)?( today)?|(is there )?anything else( i can (do
|help)( for)?( you)?( with)?)?( today)?|(happy|glad) to help|i['’]?m (fine|good|well|great)|i am (fine|good|well)
|(lovely|nice|great|beautiful) weather( today)?|halo|hai|selamat (pagi|siang|sore|malam|datang|tinggal|jalan)
|terima ?kasih( banyak)?|makasih( banyak| ya)?|trims|sama[- ]sama|apa kabar( hari ini)?|kabar baik
|(saya )?baik[- ]baik saja|sampai (jumpa|nanti|ketemu)( lagi)?|ada yang bisa( saya)? bantu
|ada lagi( yang bisa( saya)? bantu)?|senang (bisa )?membantu|dengan senang hati|semoga hari \w+ menyenangkan
|שלום( לך)?|היי|בוקר (טוב|אור)|ערב טוב|לילה טוב|צהריים טובים|מה שלומך( היום)?|מה נשמע|מה קורה|((המון
|הרבה) )?תודה( רבה)?|על לא דבר|אין בעד מה|בכיף|בשמחה|להתראות|ביי|(שיהיה )?(לך )?יום (טוב|נעים|נפלא)|(איך|במה) (אפשר
|אוכל) לעזור( לך)?( היום)?|אשמח לעזור|עוד משהו|שבוע טוב|שבת שלום|נעים מאוד|مرحبا( بك)?|اهلا|أهلا( وسهلا)?|السلام عليكم
|وعليكم السلام|شكرا( جزيلا)?|عفوا|صباح (الخير|النور)|مساء الخير|كيف حالك|مع السلامة|الحمد لله|hola|(muchas )?gracias
|de nada|buenos días|buenas (tardes|noches)|adiós|cómo estás|qué tal|bonjour|bonsoir|salut|merci( beaucoup)?|de rien
|au revoir|ça va|comment allez-vous|hallo|guten (morgen|tag|abend)|danke( schön)?|vielen dank|gern geschehen|tschüss
|wie geht['’]?s|auf wiedersehen|olá|oi|obrigad[oa]|bom dia|boa (tarde|noite)|tchau|tudo bem|ciao|grazie( mille)?|prego
|buongiorno|buonasera|привет|здравствуйте|(большое )?спасибо|добр(ый|ое) (день|утро|вечер)|до свидания|как дела
|merhaba|teşekkürler|नमस्ते|धन्यवाद
"""
_FILLERS = r"""
ok|okay|okey|alright|all right|sure|great|nice|cool|perfect|awesome|wonderful|excellent|fine|got it|i see|sounds good
|please|lol|haha+|hehe+|wow|oh|ah|hm+|yes|no|yeah|yep|nope|of course|no problem|no worries|let me know|one moment
|just a moment|hold on|i understand|understood|noted|will do|i will keep that in mind|i['’]ll keep that in mind
|that['’]?s (great|nice|good)|baik(lah)?|oke|siap|iya|ya|tidak|nggak|tidak apa[- ]apa|tidak masalah|mohon (tunggu
|ditunggu)|tolong|mantap|bagus|keren|wkwk\w*|pak|bu|kak|mas|mbak|בבקשה|סבבה|אוקיי|אוקי|בסדר( גמור)?|אין בעיה|מצוין
|מעולה|נהדר|יופי|כן|לא|הבנתי|רשמתי|הכל טוב|نعم|لا|حسنا|تمام|vale|sí|claro|perfecto|oui|non|d['’]accord|parfait|bitte
|ja|nein|gut|super|sim|não|да|нет|ладно|хорошо|пожалуйста
"""
_UNSPACED_TALK = (
    "早上好|上午好|下午好|晚上好|晚安|早安|你好吗|您好吗|你好|您好|大家好|哈喽|嗨|谢谢你们?|谢谢您|非常感谢|感谢|谢谢|謝謝|多谢|不客气|不用谢"
    "|没关系|没问题|好的|好吧|是的|再见|拜拜|明白了?|了解|收到|知道了|最近怎么样|最近好吗|怎么样|请问|有什么可以帮[您你]的?吗?|还有什么"
    "|哈哈+|祝[您你]\\w{0,6}愉快|辛苦了|太好了|很高兴|为您服务|今天天气(真|很|不错)?好?|天气真好|天气不错|我很好|挺好|不错|嗯+|哦+|啊|呢|吗|呀|吧|了|您|你"
    "|こんにちは|おはようございます|おはよう|こんばんは|ありがとうございま(す|した)|ありがとう|どういたしまして|はい|いいえ|わかりました"
    "|承知しました|了解です|了解しました|お疲れ様(です|でした)|さようなら|またね|お元気ですか|よろしくお願いします|すみません"
    "|안녕하세요|감사합니다|고마워요|네|아니요|알겠습니다|천만에요|안녕히 ?(가세요|계세요)|สวัสดี|ขอบคุณ|ครับ|ค่ะ|คะ"
)
_NUMBERS = re.compile(
    r"\d|[〇一二三四五六七八九十百千万两]+[点點号號月日年元块塊个個岁歲度楼樓%]"
    r"|\b(hundred|thousand|million|half past|noon|midnight|ratus|ribu|juta|אלף|מאה|מיליון)\b"
)
_INTRODUCED = re.compile(r"\b(?:I['’]?m|I am|[Tt]his is) (?=[^\W\d_a-z])")
_CODE = re.compile(r"\b(?=\w{0,30}\d)(?=\w{0,30}[^\W\d_])\w{2,40}|\b[A-Z]{2,}\b|\b\w[\w.+-]{0,63}@\w|\bhttps?://")
_CAPITAL = re.compile(r"(?<=[\w,;:'’\")\]] )(?!I\b)[^\W\d_a-z]\w+", re.UNICODE)


def _words(patterns: str) -> str:
    return rf"(?<!\w)(?:{''.join(patterns.split(chr(10)))})(?!\w)"


_CUES = re.compile(f"{_words(_FACTS)}|{_words(_HEBREW_ARABIC)}|{_UNSPACED_FACTS}")
_HELLO = re.compile(_words(_GREETINGS))
_TALK = re.compile(f"{_words(_GREETINGS)}|{_words(_FILLERS)}|{_UNSPACED_TALK}")


def cue(text: str) -> bool:
    """Return whether a sentence states who somebody is, what they want, or what was decided."""
    return _CUES.search(fold(text)) is not None or _INTRODUCED.search(text) is not None


def numbers(text: str) -> int:
    """Return how many numbers, amounts and times of day a sentence names, three at most."""
    return min(3, sum(1 for _ in _NUMBERS.finditer(re.sub(r"(?<=\d)[\d.,:/-]*\d", "", text))))


def names(text: str) -> int:
    """Return how many names, codes and addresses a sentence holds, as far as its script shows them; three at most."""
    capitals = sum(1 for each in _CAPITAL.finditer(text) if each[0][0].isupper())
    return min(3, capitals + sum(1 for _ in _CODE.finditer(text)))


def without_talk(text: str) -> tuple[str, bool]:
    """Return what is left of a sentence, folded, without greetings, thanks and fillers; and whether it greets."""
    folded = fold(text)
    return _TALK.sub(" ", folded), _HELLO.search(folded) is not None
