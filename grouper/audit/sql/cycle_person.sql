-- How often an item is charged within so many days over all cases of a person; asked of the rows whose
-- days are more than a stay lasts. At fault are the lines with which the number goes above what is
-- allowed, where that of their own case alone does not: of that the template `cycle` tells.
WITH kept AS (
    SELECT
        c.person, c.case_id, l.case_no, l.line, l.item, l.day, l.second, l.quantity, l.amount,
        p.rule, p.row, p.level, p.times, p.days
    FROM person_lines l
    JOIN p_cycle p ON p.item = l.item AND l.day >= p.since AND l.day < p.until
    JOIN near n ON n.name = 'cycle_person' AND n.days = p.days AND n.case_no = l.case_no
    JOIN cases c ON c.case_no = l.case_no
),
rolling AS (
    SELECT
        *,
        sum(quantity) OVER span - (sum(quantity) OVER same - sum(quantity) OVER until_now) AS total,
        sum(quantity) OVER own_span
            - (sum(quantity) OVER own_same - sum(quantity) OVER own_until_now) AS own
    FROM kept
    WINDOW
        span AS (
            PARTITION BY row, person, item ORDER BY day
            RANGE BETWEEN days - 1 PRECEDING AND CURRENT ROW
        ),
        same AS (PARTITION BY row, person, item, day),
        until_now AS (
            PARTITION BY row, person, item, day
            ORDER BY second, quantity, amount, case_id, line ROWS UNBOUNDED PRECEDING
        ),
        own_span AS (
            PARTITION BY row, case_no, item ORDER BY day
            RANGE BETWEEN days - 1 PRECEDING AND CURRENT ROW
        ),
        own_same AS (PARTITION BY row, case_no, item, day),
        own_until_now AS (
            PARTITION BY row, case_no, item, day
            ORDER BY second, quantity, amount, line ROWS UNBOUNDED PRECEDING
        )
),
hits AS (SELECT * FROM rolling WHERE total > times AND own <= times),
-- The newest line before it of another case.
told AS (
    SELECT h.*, max_by(o.case_id, (o.second, o.case_id)) AS other, max(o.day) AS other_day
    FROM hits h
    JOIN kept o ON o.row = h.row AND o.person = h.person AND o.item = h.item
        AND o.case_no <> h.case_no AND o.day > h.day - h.days AND o.day <= h.day
        AND (o.second, o.quantity, o.amount, o.case_id) < (h.second, h.quantity, h.amount, h.case_id)
    GROUP BY ALL
)
SELECT
    case_no, rule, row, level,
    list_sort(list(line)) AS lines,
    [item] AS items,
    min(day) AS day,
    max(total)::BIGINT AS observed,
    any_value(times) AS allowed,
    'times_person' AS unit,
    sum(part(amount, least(quantity, total - times), quantity))::BIGINT AS amount,
    [
        {'key': 'days', 'value': any_value(days)::VARCHAR},
        {'key': 'other', 'value': max_by(other, (other_day, other))},
        {'key': 'gap', 'value': min(day - other_day)::VARCHAR}
    ] AS evidence
FROM told
GROUP BY case_no, rule, row, level, item
