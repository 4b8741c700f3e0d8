// Sizes of coalitions
// Group: coalitions
// Answers: How many coalitions has each layer, and how large are they?
// $run (string, optional, default null): only this run; null asks all of them.
// Empty: the runs loaded have no coalitions
// column run: the run
// column layer: the layer
// column coalitions: number of coalitions, singletons included
// column singletons: number of neurons alone
// column median: median size
// column mean: mean size
// column p90: nine of ten coalitions are at most this large
// column largest: size of the largest
// column largest_share: per cent of the layer's neurons that are in the largest
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WITH r.id AS run, c.layer AS layer, count(c) AS coalitions, sum(CASE c.size WHEN 1 THEN 1 ELSE 0 END) AS singletons,
     percentileCont(c.size, 0.5) AS median, avg(c.size) AS mean, percentileCont(c.size, 0.9) AS p90,
     max(c.size) AS largest, sum(c.size) AS neurons
RETURN run, layer, coalitions, singletons, median, mean, p90, largest, 100.0 * largest / neurons AS largest_share
ORDER BY run, layer
