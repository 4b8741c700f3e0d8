// Delete some edges of one coalition
// $run (string, required, example "demo/pas.exact"): the run, which is being deleted
// $analysis (string, required, example "demo"): its analysis
// $coalition (string, required, example "demo/pas.exact/L07/C0000"): the coalition
// $limit (integer, required, example 1000): at most so many
// column deleted: number of edges deleted; 0 when none is left
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock: the run is not loaded anew while this deletes.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'deleting'
MATCH (:Coalition {id: $coalition})-[e:MEMBER_OF|INTERACTS|PERSISTS_AS|SPLITS_INTO|MERGES_INTO]-()
WITH e LIMIT $limit
DELETE e
RETURN count(*) AS deleted
