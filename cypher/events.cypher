// Events from layer to layer
// Group: lineage
// Answers: How many persist, split, merge, vanish, emerge between layers?
// $run (string, optional, default null): only this run; null asks all of them.
// Empty: no coalition of the runs loaded was followed to a next layer
// column run: the run
// column layer: the source's layer
// column next: the next layer analysed
// column sources: number of coalitions of the layer that were followed
// column targets: number of coalitions of the next layer that were looked for an origin
// column persist: number of edges by which a source persists
// column split: number of edges by which a source splits
// column merge: number of edges by which a source merges
// column vanish: number of sources without such an edge
// column emerge: number of targets without such an edge
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
OPTIONAL MATCH (c)-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(:Coalition)
WITH r, c, sum(CASE type(e) WHEN 'PERSISTS_AS' THEN 1 ELSE 0 END) AS persist,
     sum(CASE type(e) WHEN 'SPLITS_INTO' THEN 1 ELSE 0 END) AS split,
     sum(CASE type(e) WHEN 'MERGES_INTO' THEN 1 ELSE 0 END) AS merge
WITH r, c.layer AS layer, count(c.fate) AS sources, count(c.origin) AS targets,
     sum(persist) AS persist, sum(split) AS split, sum(merge) AS merge,
     sum(CASE c.fate WHEN 'vanish' THEN 1 ELSE 0 END) AS vanish,
     sum(CASE c.origin WHEN 'emerge' THEN 1 ELSE 0 END) AS emerge
WITH r, collect({layer: layer, sources: sources, targets: targets, persist: persist, split: split, merge: merge,
     vanish: vanish, emerge: emerge}) AS found
UNWIND found AS here
WITH r, here, head([l IN r.layers WHERE l > here.layer]) AS next, found
WITH r, here, next, head([one IN found WHERE one.layer = next]) AS there
WHERE here.sources > 0
RETURN r.id AS run, here.layer AS layer, next, here.sources AS sources, there.targets AS targets,
       here.persist AS persist, here.split AS split, here.merge AS merge, here.vanish AS vanish, there.emerge AS emerge
ORDER BY run, layer
