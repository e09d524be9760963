-- What the templates share.
CREATE MACRO part(amount, piece, whole) AS
    (2 * (amount)::HUGEINT * (piece) + (whole)) // (2 * (whole));
CREATE MACRO day_words(number) AS (DATE '1970-01-01' + number::INTEGER)::VARCHAR;
CREATE TABLE found (
    case_no INTEGER, rule VARCHAR, row VARCHAR, level VARCHAR, lines INTEGER[], items INTEGER[],
    day INTEGER, observed BIGINT, allowed BIGINT, unit VARCHAR, amount BIGINT,
    evidence STRUCT(key VARCHAR, value VARCHAR)[]
);
