"""The demonstration hospital: reproducible, plainly invented, with its charges day by day.

:func:`grouper.demo.hospital.build.make_hospital` writes it; :class:`grouper.demo.hospital.months.Hospital`
makes single months in memory.
"""
