// Descendants of a coalition
// Answers: what becomes of a coalition over the next layers: which coalitions come from it by persisting, splitting and merging?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition to start from.
// $steps (integer, optional, default 3): at most so many layer steps.
// Empty: it has no descendants: it vanishes in the next layer, or its layer is the last one
// column step: number of layer steps away
// column layer: layer of the descendant
// column coalition: the descendant
// column size: number of its members
// column fate: what becomes of it
// column events: what happened on the way, in the order of the layers
// column path: the coalitions on the way, in the order of the layers
// column alpha: of the edge that leads to the descendant
// column beta: of that edge
// column z: of that edge
// column mass: of that edge
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH p = (c)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..64]->(:Coalition)
WHERE length(p) <= $steps
WITH p, last(nodes(p)) AS d, relationships(p) AS edges, length(p) AS step
WITH p, d, edges, step, last(relationships(p)) AS edge
RETURN step, d.layer AS layer, d.id AS coalition, d.size AS size, d.fate AS fate,
       reduce(told = '', e IN edges | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' ELSE 'merge' END) AS events,
       reduce(told = '', n IN nodes(p) | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         'L' + toString(n.layer) + '/C' + toString(n.rank)) AS path,
       edge.alpha AS alpha, edge.beta AS beta, edge.z AS z, edge.mass AS mass
ORDER BY step, path
