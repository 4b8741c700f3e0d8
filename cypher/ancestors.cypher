// Ancestors of a coalition
// Answers: where does a coalition come from: which coalitions of the layers before led to it by persisting, splitting and merging?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition to start from.
// $steps (integer, optional, default 3): at most so many layer steps.
// Empty: it has no ancestors: it emerges in its layer, or its layer is the first one
// column step: number of layer steps away
// column layer: layer of the ancestor
// column coalition: the ancestor
// column size: number of its members
// column fate: what becomes of it
// column events: what happened on the way, in the order of the layers
// column path: the coalitions on the way, in the order of the layers
// column alpha: of the edge that leads to the ancestor
// column beta: of that edge
// column z: of that edge
// column mass: of that edge
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH p = (:Coalition)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..64]->(c)
WHERE length(p) <= $steps
WITH p, head(nodes(p)) AS d, relationships(p) AS edges, length(p) AS step
WITH p, d, edges, step, head(relationships(p)) AS edge
RETURN step, d.layer AS layer, d.id AS coalition, d.size AS size, d.fate AS fate,
       reduce(told = '', e IN edges | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' ELSE 'merge' END) AS events,
       reduce(told = '', n IN nodes(p) | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         'L' + toString(n.layer) + '/C' + toString(n.rank)) AS path,
       edge.alpha AS alpha, edge.beta AS beta, edge.z AS z, edge.mass AS mass
ORDER BY step, path
