-- What each case was charged of each item on each day: the sums that several templates look at first.
SELECT case_no, item, day, sum(quantity)::BIGINT AS quantity
FROM known
GROUP BY case_no, item, day
