"""Names, addresses and codes of invented customers. Nobody here exists.

Family and given names are drawn from short lists; e-mail addresses carry the account's
number, so they are unique, and live in the domains reserved for examples.
"""

from typing import NamedTuple

import numpy as np


def _words(text: str) -> list[str]:
    return text.split()


_ZH_FAMILY = _words(
    """
    王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧
    """
)
_ZH_FAMILY_LATIN = _words(
    """
    wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang
    song zheng xie han tang feng yu dong xiao
    """
)
_ZH_GIVEN = _words(
    """
    伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 建华 文 晓燕 志强 海燕
    建国 玉兰 雪梅 子涵 浩然 一诺 欣怡 宇航 梓轩 思远 嘉怡 俊杰 雨桐
    """
)
_ZH_GIVEN_LATIN = _words(
    """
    wei fang na min jing li qiang lei jun yang yong yan jie juan tao ming chao xiuying xia
    ping gang guiying jianhua wen xiaoyan zhiqiang haiyan jianguo yulan xuemei zihan haoran
    yinuo xinyi yuhang zixuan siyuan jiayi junjie yutong
    """
)
_EN_FAMILY = _words(
    """
    Smith Jones Taylor Brown Wilson Evans Novak Kim Park Lee Nguyen Tran Tan Lim Ng Wong Chan
    Patel Singh Garcia Rossi Muller Schmidt Ivanov Petrov Silva Costa Sato Suzuki Kowalski
    """
)
_EN_GIVEN = _words(
    """
    James Mary John Linda Robert Susan Daniel Karen Anna Maria David Emma Lucas Sofia Ivan
    Olga Minh Linh Wei Jun Hiro Yuki Arjun Priya Omar Leila Peter Nina Tomas Eva Jan Mia Alex
    Chloe Martin Julia Kevin Grace Henry Rosa
    """
)
_FIRM_A = _words(
    """
    Blue North Jade Silver Harbour Pine Kestrel Lotus Granite Orchid Summit Delta
    """
)
_FIRM_B = _words(
    """
    River Peak Bridge Field Stone Gate Water Light Tower Bay
    """
)
_FIRM_C = ("Capital", "Trading", "Mining Pool", "Partners", "Quant", "Markets", "Holdings")
_DOMAINS = ("example.com", "example.org")


class People(NamedTuple):
    """One entry per account, in account order; the last two are the venue's own."""

    account: list[str]
    customer: list[str]
    name: list[str]
    email: list[str]
    language: list[str]


def invent(rng: np.random.Generator, corporate: np.ndarray) -> People:
    """Invent one person or firm per entry of ``corporate`` (bool per customer account)."""
    count = len(corporate)
    chinese = rng.random(count) < 0.62
    draws = rng.integers(0, 1 << 30, size=(count, 3)).tolist()
    people = People([], [], [], [], [])
    for i, (a, b, c) in enumerate(draws):
        number = i + 1
        if corporate[i]:
            name = f"{_FIRM_A[a % 12]} {_FIRM_B[b % 10]} {_FIRM_C[c % 7]}"
            local = name.lower().replace(" ", "")
        elif chinese[i]:
            family, given = a % 30, b % 40
            name = _ZH_FAMILY[family] + _ZH_GIVEN[given]
            local = f"{_ZH_GIVEN_LATIN[given]}.{_ZH_FAMILY_LATIN[family]}"
        else:
            given_en, family_en = _EN_GIVEN[a % 40], _EN_FAMILY[b % 30]
            name, local = f"{given_en} {family_en}", f"{given_en}.{family_en}".lower()
        people.account.append(f"A{number:07d}")
        people.customer.append(f"C{number:07d}")
        people.name.append(name)
        people.email.append(f"{local}.{number}@{_DOMAINS[c % 2]}")
        people.language.append("zh-Hans" if chinese[i] else "en")
    for code, name in (("HOUSE", "Venue, fees and own account"), ("INSURANCE", "Insurance fund")):
        people.account.append(code)
        people.customer.append("")
        people.name.append(name)
        people.email.append("")
        people.language.append("en")
    return people
