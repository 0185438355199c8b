// Outside a component: what tests put in the place of the host, with `setHost`.

export const host = {
  log: (level, message) => console.error(`${level}: ${message}`),
  settings: () => "",
  get: () => null,
  list: () => ({ entries: [], more: false }),
};
