"""A small rule book on disk, plainly invented, for the tests of its reader."""

from __future__ import annotations

from pathlib import Path

CARD = """id: small
zh: 小规则库
en: A small book
valid_from: "2025-01-01"
source: invented
items:
  - {pattern: '0[0-9]{4}', match: whole, about: services}
  - {pattern: 'X[A-Z0-9]{7}', match: whole, about: drugs}
  - {pattern: 'X[A-Z0-9]{3}', match: prefix, about: beginnings of drugs}
"""
RULES = """rule,name_zh,name_en,class,subclass,level,standing,moments,template,needs,source,valid_from,valid_to
R1,性别,Sex,clinical,药品,violation,official,order stay,sex,,test,,
R2,频次,Frequency,policy,服务,suspect,own,stay,quantity,hospital_level,test,2025-06-01,2026-01-01
R3,库存,Stock,management,药品,suspect,official,upload,,stock points,test,,
"""
SEX = """row,rule,item,sex,source
R1/1,R1,X1234567,2,test
R1/2,R1,X123,1,test
R1/3,R1,X999,1,test
"""
QUANTITY = """row,rule,item,most,per,level,valid_from,valid_to,source,note
R2/1,R2,00001,1,day,,,2025-09-01,test,
R2/2,R2,00001,2.5,day,violation,2025-09-01,,test,wider
"""


def small_book(
    parent: Path,
    *,
    card: str = CARD,
    rules: str = RULES,
    tables: dict[str, str] | None = None,
) -> Path:
    """Write the book, with files of one's own, and give its folder."""
    folder = parent / "small"
    rows = folder / "rows"
    rows.mkdir(parents=True)
    (folder / "book.yaml").write_text(card, "utf-8")
    (folder / "rules.csv").write_text(rules, "utf-8")
    told = {"sex": SEX, "quantity": QUANTITY} if tables is None else tables
    for name, content in told.items():
        (rows / f"{name}.csv").write_text(content, "utf-8")
    return folder
