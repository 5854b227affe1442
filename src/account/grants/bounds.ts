/** Grants that a person made at a time; of more, the one ends that was used least lately. */
const MOST_GRANTS = 1000;
/** Rotations that are remembered of a grant: at one each half hour, three months. */
const MOST_ROTATIONS = 5000;

/** The grants that have to end so that a person can make one more. */
export function grantsTooMany(sql: SqlStorage): string[] {
  const query = `SELECT grants.id FROM grants JOIN codes ON codes.grant_id = grants.id
    ORDER BY IFNULL(grants.last_used_at, grants.created_at) DESC LIMIT -1 OFFSET ${MOST_GRANTS - 1}`;
  return sql
    .exec<{ id: string }>(query)
    .toArray()
    .map(({ id }) => id);
}

/** Forgets the oldest rotations of a grant: a refresh token as old as that is unknown instead of replayed. */
export function forgetOldRotations(sql: SqlStorage, grantId: string): void {
  const older = `SELECT hash FROM rotations WHERE grant_id = ?1 ORDER BY rotated_at DESC
    LIMIT -1 OFFSET ${MOST_ROTATIONS}`;
  sql.exec(`DELETE FROM rotations WHERE hash IN (${older})`, grantId);
}
