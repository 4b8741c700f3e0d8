// Longest persistence chains
// Group: lineage
// Answers: Which coalitions persist over the most layers?
// $run (string, optional, default null): only this run; null asks all of them.
// $least (integer >= 1, optional, default 2): only chains of at least so many layer steps.
// $limit (integer >= 1, optional, default 50): at most so many chains, the longest first.
// Empty: no coalition of the runs loaded persists over so many steps
// column run: the run
// column steps: number of layer steps over which it persists
// column layer: layer of its first coalition
// column path: its coalitions, in the order of the layers
// column sizes: number of members of each
// column origin: how the first came about
// column fate: what becomes of the last
// column z: the smallest of its edges: how far the flow lies from that into random neurons
// column coalitions (not in tables): full ids of its coalitions
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(a:Coalition)
WHERE EXISTS { (a)-[:PERSISTS_AS]->(:Coalition) } AND NOT EXISTS { (a)<-[:PERSISTS_AS]-(:Coalition) }
MATCH p = (a)-[:PERSISTS_AS*1..128]->(b:Coalition)
WHERE length(p) >= $least AND NOT EXISTS { (b)-[:PERSISTS_AS]->(:Coalition) }
WITH r, a, b, nodes(p) AS way, relationships(p) AS edges, size(relationships(p)) AS steps
WITH r, a, b, way, steps, reduce(least = null, e IN edges | CASE WHEN least < e.z THEN least ELSE e.z END) AS z
ORDER BY steps DESC, z DESC, a.id
LIMIT $limit
RETURN r.id AS run, steps, a.layer AS layer,
       reduce(told = '', n IN way | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         'L' + toString(n.layer) + '/C' + toString(n.rank)) AS path,
       [n IN way | n.size] AS sizes, a.origin AS origin, b.fate AS fate, z, [n IN way | n.id] AS coalitions
ORDER BY steps DESC, z DESC, a.id
