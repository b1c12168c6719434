"""Tongues: made-up chat turns in six languages and three scripts, always the same for the same seed."""

from __future__ import annotations

import random

_WORDS = {
    "Indonesian": (
        "saya kami mereka kemarin besok pagi malam rumah kantor pasar dapur mesin cuci sepeda motor kabel lampu"
        " atap bocor rusak baru lama mahal murah teknisi datang pulang membeli menjual memperbaiki mencari"
        " menunggu telepon alamat jadwal hujan anak ibu ayah teman tetangga kucing obat dokter uang tagihan"
        " listrik air garasi kunci hilang terlambat cepat pelan senang lelah khawatir mungkin sudah belum akan"
        " tidak karena tetapi kalau supaya dengan tanpa untuk dari sampai di ke yang itu ini sekali lagi masih"
        " hanya banyak sedikit tolong terima kasih Jumat Senin jam sembilan dua tiga puluh ratus ribu rupiah"
        " nomor pesanan barang warna biru merah hijau besar"
    ),
    "German": (
        "ich wir sie gestern morgen abends das die der Haus Büro Markt Küche Waschmaschine Fahrrad Motorrad Kabel"
        " Lampe Dach undicht kaputt neu alt teuer billig Techniker kommt nach kauft verkauft repariert sucht"
        " wartet Anruf Adresse Termin Regen Kind Mutter Vater Freund Nachbarin Katze Medikament Arzt Geld"
        " Rechnung Strom Wasser Garage Schlüssel verloren verspätet schnell langsam froh müde besorgt vielleicht"
        " schon noch wird nicht weil aber wenn damit mit ohne für von bis in zu dass diese jene sehr wieder immer"
        " nur viel wenig bitte danke Freitag Montag um neun zwei dreißig hundert tausend Euro Nummer Bestellung"
        " Ware blau rot grün groß Werkstatt"
    ),
    "Spanish": (
        "yo nosotros ellos ayer mañana noche la el los casa oficina mercado cocina lavadora bicicleta moto cable"
        " lámpara techo gotea roto nuevo viejo caro barato técnico viene vuelve compra vende repara busca espera"
        " llamada dirección cita lluvia niño madre padre amigo vecina gato medicina médico dinero factura luz"
        " agua garaje llave perdida tarde rápido despacio contento cansada preocupado quizá ya todavía va no"
        " porque pero si para con sin por de hasta en a que esta ese muy otra vez siempre solo mucho poco gracias"
        " viernes lunes a las nueve dos treinta cien mil euros número pedido paquete azul rojo verde grande"
        " taller coche frenos ruido raro"
    ),
    "Russian": (
        "я мы они вчера завтра утром вечером дом офис рынок кухня стиральная машина велосипед мотоцикл кабель"
        " лампа крыша течёт сломан новый старый дорогой дешёвый мастер придёт вернётся купил продал починил ищет"
        " ждёт звонок адрес встреча дождь ребёнок мама папа друг соседка кошка лекарство врач деньги счёт свет"
        " вода гараж ключ потерян опоздал быстро медленно рад устал беспокоюсь может уже ещё будет не потому но"
        " если чтобы с без для от до в на что этот тот очень снова всегда только много мало пожалуйста спасибо"
        " пятница понедельник в девять два тридцать сто тысяча рублей номер заказ товар синий красный зелёный"
        " большой мастерская"
    ),
    "Chinese": (
        "我 我们 他们 昨天 明天 早上 晚上 家里 办公室 市场 厨房 洗衣机 自行车 摩托车 电线 台灯 屋顶 漏水 坏了"
        " 新的 旧的 太贵 便宜 师傅 会来 回家 买了 卖了 修好 在找 等着 电话 地址 预约 下雨 孩子 妈妈 爸爸 朋友"
        " 邻居 小猫 药 医生 钱 账单 停电 水费 车库 钥匙 丢了 迟到 很快 慢慢 高兴 累了 担心 可能 已经 还没 不会"
        " 因为 但是 如果 为了 跟 没有 从 到 在 这个 那个 非常 又 总是 只有 很多 一点 请 谢谢 星期五 星期一 九点"
        " 两个 三十 一百 一千 元 号码 订单 东西 蓝色 红色 绿色 大的 修车店"
    ),
    "English": (
        "I we they yesterday tomorrow morning evening the house office market kitchen washing machine bicycle"
        " motorbike cable lamp roof leaks broken new old expensive cheap engineer comes returns bought sold"
        " repaired looks waits call address appointment rain child mother father friend neighbour cat medicine"
        " doctor money bill power water garage key lost late quickly slowly happy tired worried maybe already not"
        " yet will because but if so with without for from until in to that this very again always only much"
        " little please thanks Friday Monday at nine two thirty hundred thousand dollars number order parcel blue"
        " red green large workshop car brakes noise strange"
    ),
}
_WITHOUT_SPACES = {"Chinese"}


class Tongues:
    """A source of turns. Words come as often as words do (the n-th most frequent 1/n as often as the first)."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = {name: words.split() for name, words in _WORDS.items()}
        for words in self._words.values():
            self._random.shuffle(words)

    @property
    def languages(self) -> list[str]:
        """The languages."""
        return list(self._words)

    def turn(self, language: str, words: int) -> str:
        """Return a turn of about that many words, in sentences."""
        known = self._words[language]
        shares = [1 / (place + 3) for place in range(len(known))]
        said = self._random.choices(known, shares, k=max(1, round(self._random.gauss(words, words / 3))))
        ends = [place for place in range(len(said)) if self._random.random() < 0.1]
        for place in ends:
            said[place] += "。" if language in _WITHOUT_SPACES else "."
        return ("" if language in _WITHOUT_SPACES else " ").join(said) + "?!."[self._random.randrange(3)]
