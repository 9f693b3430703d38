// By which way sound and picture come: straight over UDP, over TCP, or by a relay (TURN).

/** "udp", "tcp" or "relay", by the pair in use; null while there is none. */
export async function wayOf(peer) {
  const stats = new Map();
  for (const one of (await peer.getStats()).values()) stats.set(one.id, one);
  const all = [...stats.values()];
  const transport = all.find(({ type, selectedCandidatePairId: id }) => type === "transport" && id);
  const pair = stats.get(transport?.selectedCandidatePairId)
    ?? all.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded");
  const local = stats.get(pair?.localCandidateId);
  if (!local) return null;
  if (local.candidateType === "relay") return "relay";
  return local.protocol === "tcp" ? "tcp" : "udp";
}
