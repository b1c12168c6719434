"""Function words of the languages that have a stemmer: dropped from the index, and how a text's language is told.

A language is one entry: its two-letter code, the name of its Snowball stemmer, and its function words. The order of
`LANGUAGES` is part of the stored flags of a turn: new languages are added at the end. Function words that are common
English nouns or verbs ("die", "man") are left out of the other lists: they would tell more English texts wrong than
they tell right.
"""

from __future__ import annotations

ENGLISH = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
itself they them their theirs themselves what which who whom this that these those am is are was were be been being
have has had having do does did doing a an the and but if or because as until while of at by for with about against
between into through during before after above below to from up down in out on off over under again further then once
here there when where why how all any both each few more most other some such no nor not only own same so than too very
s t can will just don should now d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn
shan shouldn wasn weren won wouldn could would might must shall ought cannot also im ive id dont
"""

LANGUAGES: dict[str, tuple[str, str]] = {
    "en": ("english", ENGLISH),
    "id": (
        "indonesian",
        "yang di ke dari dan atau untuk dengan pada adalah ini itu saya aku kamu anda dia ia mereka kami kita kau nya"
        " tidak tak bukan belum sudah telah akan sedang bisa dapat ada juga lagi saja hanya lebih sangat karena kalau"
        " jika apa apakah siapa kapan mana dimana kemana kenapa mengapa bagaimana berapa oleh sebagai dalam tentang"
        " para bagi agar supaya tetapi tapi namun maka lalu pun kah lah si sang ya yg dgn utk gak nggak enggak ga udah"
        " aja gue gw lu deh dong sih kok nih tuh punya pernah seperti setelah sebelum ketika saat antara sampai semua",
    ),
    "es": (
        "spanish",
        "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque"
        " esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni"
        " contra otros ese eso ellos e esto mí antes algunos qué unos yo otro otras otra él tanto esa estos mucho"
        " cual cuál cuándo dónde quién cómo es fue era soy está están estoy ha he han mi mis tu tus te",
    ),
    "fr": (
        "french",
        "de la le les et en un une du des que qui dans pas par sur au aux ce cette ces est sont il elle ils elles"
        " je tu nous vous on ne se sa ses mon ma mes ton ta tes leur leurs mais ou où donc avec sous plus très"
        " y a ai as avons avez ont été être avoir c d j l n s t m qu quand comment quel quelle pourquoi si tout aussi",
    ),
    "de": (
        "german",
        "der das und ist in den von zu mit sich des auf für im dem nicht ein eine einen einem einer eines als auch"
        " es an er sie wir ihr ich du mich dich mir dir uns euch so dass daß aus bei nach um am wie oder aber vor zur"
        " zum bis noch nur schon wenn waren sind bist habe haben hatte wird werden wurde was wer wo wann"
        " warum mein meine dein deine sein seine kein keine doch mal ja nein",
    ),
    "pt": (
        "portuguese",
        "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua"
        " ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter"
        " seus quem nas me esse eles estão você essa num nem suas meu às minha qual onde são te tu lhe deles",
    ),
    "it": (
        "italian",
        "di e il la che in un una è per non con del della dei delle si da lo le gli al alla ai sono ma se più mi"
        " ti ci vi ha ho hai abbiamo hanno io tu lui lei noi voi loro mio mia tuo suo sua anche o ed quando chi"
        " cosa perché questo questa quello quella nel nella sul sulla era stato essere c l d molto già",
    ),
    "nl": (
        "dutch",
        "de het een en van ik te dat in is je niet zijn op aan met als voor er maar om hem dan zou of wat mijn"
        " dit zo over ze zich bij ook tot uit haar naar heb hoe heeft hebben deze u want nog zal me zij nu geen"
        " omdat iets worden toch al waren veel meer doen moet ben kan waar wanneer wie was wij we jij hij jouw",
    ),
    "sv": (
        "swedish",
        "och det att i en jag hon som han på den med var sig för så till är ett om hade de av icke mig du henne då"
        " sin nu har inte hans honom skulle hennes där min ej vid kunde något från ut när efter upp vi dem vara vad"
        " över än dig kan sina här ha mot alla under någon eller allt mycket sedan ju denna själv detta åt utan",
    ),
    "no": (
        "norwegian",
        "og i jeg det at en et den til er som på de med han av ikke der så var meg seg ett har om vi min mitt ha"
        " hadde hun nå over da ved fra du ut sin dem oss opp kan hans hvor eller hva skal selv sjøl her alle vil"
        " bli ble blitt kunne inn når være noe deg etter mye",
    ),
    "da": (
        "danish",
        "og i jeg det at en den til er som på de med han af for ikke der var mig sig et har om vi min havde ham hun"
        " nu over da fra du ud sin dem os op hans hvor eller hvad skal selv her alle vil blev kunne ind når være"
        " noget ville jo deres efter ned skulle denne dette også meget",
    ),
    "fi": (
        "finnish",
        "olla olen olet on olemme ovat oli olin ei en et emme eivät ja että jos koska kun mutta niin sekä tai vaan vai"
        " vaikka minä sinä hän me te he se ne tämä nämä tuo minun sinun hänen mikä kuka missä milloin miksi miten nyt"
        " jo vain myös sitten kuin joka mitä minulla",
    ),
    "ro": (
        "romanian",
        "și si în de la cu pe un o nu este sunt era au am ai a să sa se că ca ce din pentru mai dar sau al ale lui ei"
        " eu tu el ea noi voi ele meu mea mei tău cum când unde cine care dacă după foarte acum doar fost fi îmi mă",
    ),
    "hu": (
        "hungarian",
        "a az és hogy nem is egy ez azt meg csak de van volt én te ő mi ti ők már még ki be el fel le mint ha vagy"
        " mert mit hol mikor miért hogyan nekem neked neki lesz lenne nagyon itt ott most akkor ezt",
    ),
    "tr": (
        "turkish",
        "ve bir bu da de için ile çok ne o mi mı mu mü ben sen biz siz onlar benim senin onun ama gibi daha en kadar"
        " var yok değil her şey diye sonra önce nasıl neden nerede kim hangi şu ya ki hem veya bana sana ona ise",
    ),
    "pl": (
        "polish",
        "i w na z do że się nie to jest o od po za jak ale co czy tak już dla tym ten ta te tego był była było są być"
        " ja ty on ona my wy oni mnie mi mój moja twój jego jej ich kiedy gdzie kto dlaczego bardzo tylko jeszcze może",
    ),
    "cs": (
        "czech",
        "a v na se že je s z do o to i k pro ale jako by si po jsem jsi jsme jste jsou byl byla bylo být tak co ten ta"
        " te já ty on ona my vy oni mě mi můj moje tvůj jeho její kdy kde kdo proč jak už jen také když nebo od ne",
    ),
    "ca": (
        "catalan",
        "de la el que i a en un una els les per amb no es se del al com més però jo tu ell ella nosaltres és són va"
        " ha he quan on qui què meu meva teu seu seva aquest aquesta molt també ja si dels als hi ho",
    ),
    "eu": ("basque", "eta da bat ez du ere dut ni zu hura gu izan zen baina edo hau hori nire zure non noiz nor zer"),
    "et": (
        "estonian",
        "ja on ei et see ma sa ta me te nad oli kui ka oma aga või mis kes kus millal miks kuidas minu sinu tema siis"
        " ainult väga ole olen",
    ),
    "ga": ("irish", "agus an na is ar go le do sé sí mé tú mo bhí tá ní ag as ach seo sin cad cá cathain cé conas"),
    "lt": (
        "lithuanian",
        "ir yra kad su į iš ne tai aš tu jis ji mes jūs jie buvo bet ar kaip kas kur kada kodėl mano tavo jo jos labai"
        " dar jau tik per po prie nuo",
    ),
    "eo": ("esperanto", "la kaj de en al estas mi vi li ŝi ni ili ne ke kun por sed aŭ kiu kio kie kiam kial mia via"),
    "ru": (
        "russian",
        "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было вот от"
        " меня еще ещё нет о из ему теперь когда даже ну ли если уже или ни быть был была были него до вас вам ведь там"
        " потом себя ей может они тут где есть надо ней для мы тебя их чем сам чтоб без будто чего раз тоже себе под"
        " будет кто этот того потому этого какой при об это мой моя мои твой",
    ),
    "sr": ("serbian", "је су и у да се на за са од не ја ти он она ми ви они што шта ко где када није сам си али или"),
    "el": (
        "greek",
        "και το η ο να τα της των με για που δεν είναι σε από του την τον στο στη στην μου σου του θα μια ένα ένας εγώ"
        " εσύ αυτός αυτή αυτό τι ποιος πότε πού πως πώς γιατί οι τις τους κι ή αν",
    ),
    "hy": ("armenian", "և է եմ ես դու նա մենք դուք նրանք որ ու մի այս այդ իմ քո ինչ ով որտեղ երբ չէ բայց"),
    "ar": (
        "arabic",
        "في من على إلى عن مع هذا هذه ذلك التي الذي هو هي أنا أنت نحن هم لا ما لم لن كان كانت قد أن إن و أو ثم كل بعد"
        " قبل عند حتى إذا متى أين كيف لماذا هل ماذا كم لي له لها لك يا أي",
    ),
    "fa": (
        "persian",
        "و در به از که این را با است برای آن یک خود تا بر هم نیز می من تو او ما شما آنها چه کی کجا چرا بود",
    ),
    "hi": (
        "hindi",
        "के का की में है हैं और से को पर यह वह कि ने एक हो था थी थे मैं मेरा मेरी मेरे तुम आप हम वे नहीं भी तो ही कर"
        " लिए क्या कौन कब कहाँ कहां क्यों कैसे कितना कितने इस उस",
    ),
    "ne": ("nepali", "र को मा ले लाई हो छ थियो म मेरो तिमी तपाईं उनी यो त्यो के कहिले कहाँ किन कसरी पनि छन् हुन्"),
    "ta": ("tamil", "நான் நீ நீங்கள் அவர் அவள் அவன் இது அது என் உன் என்ன எங்கே எப்போது ஏன் எப்படி யார் ஒரு மற்றும்"),
    "he": (
        "",
        "של את על לא זה זו זאת הוא היא אני אתה אתם הם הן אנחנו עם כי אם גם או אבל יש אין היה היתה הייתה היו כל רק עוד"
        " כבר מה מי מתי איפה היכן למה מדוע איך כמה איזה איזו לי לך לו לה לנו לכם להם שלי שלך שלו שלה שלנו שלהם אותי"
        " אותו אותה אל מן בין עד אז כן האם מאוד",
    ),
    "yi": ("yiddish", "און איז די דער דאס אין מיט פון איך דו ער זי מיר איר זיי נישט ניט וואס ווער וואו ווען פאר אויף"),
}
"""Code → (Snowball stemmer, function words); Hebrew has no stemmer, its prefixes are handled by `text`."""

HAN_STOPS = """
什么时候 什麼時候 為什麼 为什么 怎么样 怎麼樣 是不是 有没有 什么 什麼 怎么 怎麼 哪里 哪裡 哪儿 哪个 哪個 哪些 哪
多少 几时 谁 誰 我们 我們 你们 你們 他们 他們 她们 她們 这个 這個 那个 那個 这些 那些 这 這 那 我 你 您 他 她 它
的 了 吗 嗎 呢 吧 啊 着 是 在 和 跟 与 與 就 都 也 很 请问 请
"""
"""Chinese function words; where one stands, the run of characters is cut (not in a run that holds kana)."""

KANA_STOPS = """
でした ました ですか ますか です ます した して ている いる ある から まで など こと もの この その あの どこ
いつ なに だれ なぜ どう という には では とは は が を に へ と も の で か ね よ
"""
"""Japanese particles and endings; where one stands in a run that holds kana, the run is cut."""

THAI_STOPS = "ที่ไหน เมื่อไหร่ เมื่อไร อะไร อย่างไร ทำไม ใคร ครับ ค่ะ คะ ไหม และ ของ ที่ เป็น ได้ แล้ว จะ ผม ฉัน ดิฉัน คุณ เขา"
"""Thai function words; where one stands, the run is cut."""
