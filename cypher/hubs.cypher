// Hubs
// Group: flow
// Answers: Through which coalitions does most flow, in and out?
// $run (string, optional, default null): only this run; null asks all of them.
// $layer (integer >= 0, optional, default null): only this layer; null asks all of them.
// $z (float, optional, default 3.0): how many standard deviations are beyond chance.
// $limit (integer >= 1, optional, default 50): at most so many, those with most flow first.
// Empty: the runs loaded have no edges
// column run: the run
// column layer: its layer
// column coalition: the coalition
// column size: number of its members
// column inflow: flow from the layer before, along the edges that were kept
// column outflow: flow to the next layer, along the edges that were kept
// column sources: number of edges from the layer before
// column targets: number of edges to the next layer
// column sources_beyond: number of those edges in that are beyond chance
// column targets_beyond: number of those edges out that are beyond chance
// column origin: how it came about
// column fate: what becomes of it
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WHERE $layer IS NULL OR c.layer = $layer
WITH r, c, reduce(total = 0.0, flow IN [(c)<-[i:INTERACTS]-(:Coalition) | i.flow] | total + flow) AS inflow,
     reduce(total = 0.0, flow IN [(c)-[o:INTERACTS]->(:Coalition) | o.flow] | total + flow) AS outflow
WHERE inflow + outflow > 0
WITH r, c, inflow, outflow
ORDER BY inflow + outflow DESC, c.id
LIMIT $limit
RETURN r.id AS run, c.layer AS layer, c.id AS coalition, c.size AS size, inflow, outflow,
       COUNT { (c)<-[:INTERACTS]-(:Coalition) } AS sources, COUNT { (c)-[:INTERACTS]->(:Coalition) } AS targets,
       COUNT { MATCH (c)<-[i:INTERACTS]-(:Coalition) WHERE i.z >= $z } AS sources_beyond,
       COUNT { MATCH (c)-[o:INTERACTS]->(:Coalition) WHERE o.z >= $z } AS targets_beyond,
       c.origin AS origin, c.fate AS fate
ORDER BY inflow + outflow DESC, coalition
