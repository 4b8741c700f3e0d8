// Synergy by fate
// Group: coalitions
// Answers: Do coalitions that persist have more synergy than others?
// $run (string, optional, default null): only this run; null asks all of them.
// $layer (integer >= 0, optional, default null): only this layer; null takes all of them together.
// Empty: the synergy of the runs loaded was not evaluated, or no coalition was followed
// column run: the run
// column fate: persist, split, merge or vanish
// column coalitions: number of coalitions with that fate and a synergy
// column size: their mean size; synergy hangs on it
// column pair: mean pairwise synergy
// column pair_median: median pairwise synergy
// column pair_sd: standard deviation of the pairwise synergy
// column ratio: mean synergy ratio
// column ratio_median: median synergy ratio
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WHERE c.fate IS NOT NULL AND c.pair IS NOT NULL AND ($layer IS NULL OR c.layer = $layer)
WITH r.id AS run, c.fate AS fate, count(c) AS coalitions, avg(c.size) AS size, avg(c.pair) AS pair,
     percentileCont(c.pair, 0.5) AS pair_median, stDev(c.pair) AS pair_sd, avg(c.ratio) AS ratio,
     percentileCont(c.ratio, 0.5) AS ratio_median
RETURN run, fate, coalitions, size, pair, pair_median, pair_sd, ratio, ratio_median
ORDER BY run, CASE fate WHEN 'persist' THEN 0 WHEN 'split' THEN 1 WHEN 'merge' THEN 2 ELSE 3 END
