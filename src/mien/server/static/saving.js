// Saving from the page to this computer; nothing goes over the network.

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const two = (number) => String(number).padStart(2, "0");

// "mien-2026-11-25-141530.csv", by the clock on the wall.
export function fileName(suffix, when = new Date()) {
  const date = [when.getFullYear(), two(when.getMonth() + 1), two(when.getDate())].join("-");
  return `mien-${date}-${two(when.getHours())}${two(when.getMinutes())}${two(when.getSeconds())}.${suffix}`;
}

// Rows as CSV. A text that a spreadsheet would run as a formula gets an apostrophe before it.
export function csv(columns, rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((cells) => `${cells.map(cell).join(",")}\r\n`)
    .join("");
}
