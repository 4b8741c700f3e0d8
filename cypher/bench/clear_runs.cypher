// Delete some runs of a bench, with every edge they have
// $prefix (string, required, example "bench-1a2b/"): what their keys begin with
// $limit (integer, required, example 50): at most so many
// column deleted: number of nodes deleted; 0 when none is left
MATCH (n:Run)
WHERE n.id STARTS WITH $prefix
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*) AS deleted
