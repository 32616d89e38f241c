/**
 * A pattern where `*` is any text and `?` any character, as a question that the whole of a name has to answer. It is no regular
 * expression: those go back to each star for each other one, and a name from elsewhere may be as long as it likes.
 */
export function globMatcher(glob: string): (name: string) => boolean {
  return (name) => {
    let [at, place] = [0, 0];
    // Only the last star may have to take more: whatever an earlier one could take, the last one can too.
    let [star, taken] = [-1, 0];
    while (at < name.length) {
      const wanted = glob[place];
      if (wanted === '*') {
        [star, taken] = [place, at];
        place += 1;
      } else if (wanted !== undefined && (wanted === '?' || wanted === name[at])) {
        at += 1;
        place += 1;
      } else if (star === -1) {
        return false;
      } else {
        taken += 1;
        [at, place] = [taken, star + 1];
      }
    }
    while (glob[place] === '*') {
      place += 1;
    }
    return place === glob.length;
  };
}
