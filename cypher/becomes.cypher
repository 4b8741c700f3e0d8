// What a coalition becomes
// Group: one coalition's lineage
// Answers: What do its neurons become in the next layer, at what share?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition.
// Empty: nothing that it gives goes beyond chance: it vanishes in the next layer, or its layer is the last one
// column target: a coalition of the next layer that gets more from it than chance gives
// column size: number of the target's members
// column event: persist, split or merge; empty where the edge is none of them
// column alpha: share of what the source gives beyond chance that goes to this target; over all targets they add up to 1
// column beta: share of what the target gets beyond chance that comes from this source
// column z: how far the flow lies from that into random neurons, in standard deviations
// column lift: flow over what the totals of both ends would give
// column mass: interaction mass
// column fate: what becomes of the target
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH (c)-[i:INTERACTS]->(t:Coalition)
WHERE i.alpha > 0
OPTIONAL MATCH (c)-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(t)
RETURN t.id AS target, t.size AS size,
       CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' WHEN 'MERGES_INTO' THEN 'merge' END
         AS event,
       i.alpha AS alpha, i.beta AS beta, i.z AS z, i.lift AS lift, i.mass AS mass, t.fate AS fate
ORDER BY alpha DESC, target
