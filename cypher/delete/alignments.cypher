// Delete the alignments of some coalitions, and the features that no other coalition aligns with
// $run (string, required, example "demo/pas.exact"): the run, which is being deleted
// $analysis (string, required, example "demo"): its analysis
// $coalitions (list, required, example ["demo/pas.exact/L07/C0000"]): the coalitions
// column deleted: number of features deleted
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock: the run is not loaded anew while this deletes.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'deleting'
UNWIND $coalitions AS id
MATCH (:Coalition {id: id})-[e:ALIGNS_WITH]->(f:Feature)
DELETE e
WITH DISTINCT f
// Writing what is there already takes the lock: no loader adds an edge while this looks.
SET f.family = f.family
WITH f
WHERE NOT (f)--()
DELETE f
RETURN count(*) AS deleted
