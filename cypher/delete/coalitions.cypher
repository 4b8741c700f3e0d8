// Delete some coalitions of a run, with every edge they have
// $run (string, required, example "demo/pas.exact"): the run
// $limit (integer, required, example 100): at most so many
// column deleted: number of coalitions deleted; 0 when none is left
MATCH (:Run {id: $run})<-[:FOUND_IN]-(c:Coalition)
WITH c LIMIT $limit
DETACH DELETE c
RETURN count(*) AS deleted
