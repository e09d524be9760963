-- What a row found, of the cases that state all that it asks about: `not` would be met by the others.
SELECT f.* FROM ({asked}) f {beside} WHERE {stated}
