// The status page: follows /events and shows each job. All text goes in by textContent: names are the users' and the
// servers', and may hold anything.
"use strict";

const byId = (id) => document.getElementById(id);
const cards = new Map(); // job name -> {element, part(selector), rate samples, history}
const historyAge = 60_000;
const space = "\u00a0";
let status = null;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Characters that are not seen, or that turn the direction of what follows, are shown as what they are.
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function count(number) { return number.toLocaleString("en"); }

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; ++unit) bytes /= 1024;
  return (unit === 0 ? bytes : bytes.toFixed(1)) + space + units[unit];
}

function span(ms) {
  const s = Math.round(ms / 1000);
  if (ms < 950) return Math.round(ms) + space + "ms";
  if (s < 60) return s + space + "s";
  if (s < 3600) return two(s, 60, "min", "s", 10);
  if (s < 48 * 3600) return two(s, 3600, "h", "min", 10);
  return Math.floor(s / 86_400) + space + "d";
}

// The smaller unit is told while there are few of the larger one.
function two(s, large, name, small, few) {
  const whole = Math.floor(s / large), rest = Math.floor(s % large / (large / 60));
  return whole + space + name + (whole < few && rest ? space + rest + space + small : "");
}

function ago(time) {
  const ms = Date.now() - Date.parse(time);
  return ms < 1500 ? "just now" : span(ms) + " ago";
}

function ahead(time) {
  const ms = Date.parse(time) - Date.now();
  return ms < 1000 ? "now" : "in " + span(ms);
}

const running = new Set(["scanning", "planning", "transferring"]);
// What somebody should look at, the worst first: these jobs come before all others.
const troubles = ["failed", "halted", "partial"];

function rank(job) {
  const at = troubles.indexOf(job.state);
  return at < 0 ? troubles.length : at;
}

function tone(job) {
  if (running.has(job.state)) return "busy";
  if (job.state === "halted" || job.state === "failed") return "bad";
  if (job.problems.length || job.state === "paused" || job.state === "partial") return "warn";
  return job.last_success ? "good" : "none";
}

function deeds(run) {
  const parts = run.outcome === "success" ? [] : [run.outcome];
  if (run.put) parts.push(count(run.put) + " put");
  if (run.deleted) parts.push(count(run.deleted) + " deleted");
  return parts.join(", ") || "nothing to do";
}

function card(name) {
  let known = cards.get(name);
  if (!known) {
    const element = byId("job-template").content.firstElementChild.cloneNode(true);
    const parts = new Map();
    const part = (selector) => {
      if (!parts.has(selector)) parts.set(selector, element.querySelector(selector));
      return parts.get(selector);
    };
    known = { element, part, samples: [], historyFor: null, historyAt: 0 };
    cards.set(name, known);
  }
  return known;
}

// The engine says nothing any more: all that is known is old.
function isLost() { return document.body.classList.contains("lost"); }

function show(element, is_shown) { element.hidden = !is_shown; }

function showProgress(known, job) {
  const is_running = running.has(job.state);
  show(known.part(".running"), is_running);
  if (!is_running) {
    known.samples = [];
    return;
  }
  const p = job.progress;
  const bar = known.part(".bar");
  const is_measured = job.state === "transferring" && p.files_total > 0;
  bar.classList.toggle("vague", !is_measured);
  const share = p.bytes_total > 0 ? p.bytes_done / p.bytes_total : p.files_done / Math.max(1, p.files_total);
  const percent = Math.min(100, Math.floor(share * 100));
  if (is_measured) {
    bar.setAttribute("aria-valuenow", percent);
    known.part(".fill").style.width = percent + "%";
  } else {
    bar.removeAttribute("aria-valuenow");
    known.part(".fill").style.width = "";
  }
  setText(known.part(".done"), is_measured
    ? `${count(p.files_done)} of ${count(p.files_total)} files, ${size(p.bytes_done)} of ${size(p.bytes_total)}`
    : job.state === "planning" ? "comparing both sides" : "listing both sides");
  setText(known.part(".rate"), is_measured && !isLost() ? rate(known, p) : "");
}

// Over the last five seconds.
function rate(known, p) {
  const now = Date.now();
  known.samples.push([now, p.bytes_done]);
  while (known.samples.length > 2 && now - known.samples[0][0] > 5000) known.samples.shift();
  const [then, done] = known.samples[0];
  if (now - then < 500 || p.bytes_done <= done) return "";
  const perMs = (p.bytes_done - done) / (now - then);
  return `${size(perMs * 1000)}/s, ${span((p.bytes_total - p.bytes_done) / perMs)} left`;
}

// As a shell takes it for one word.
function quoted(word) {
  return /^[A-Za-z0-9_\/.:@%+,=-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\\''") + "'";
}

// Whoever reads it may stand in any directory, so it names the job file.
function whole(command) {
  const takesFile = /^syncline (push|pull|sync|run|plan|status|trigger|pause|resume|stop|wait|watch|auto|clean|explain|log|restore|undo)\b/;
  if (!takesFile.test(command) || / (-f|--file)\b/.test(command)) return command;
  const file = " -f " + quoted(status.job_file);
  const end = command.search(/ --/);
  return end < 0 ? command + file : command.slice(0, end) + file + command.slice(end);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    setText(button, "copied");
  } catch {
    // No permission, or a page that is not served from this machine: then it is at least selected.
    getSelection().selectAllChildren(button.previousElementSibling);
    setText(button, document.execCommand("copy") ? "copied" : "selected");
  }
  setTimeout(() => setText(button, "copy"), 2000);
}

function code(text) {
  if (!text.includes(" ")) return make("code", "", text);
  const command = whole(text);
  const box = make("span", "command");
  const button = make("button", "copy", "copy");
  button.type = "button";
  button.addEventListener("click", () => copy(command, button));
  box.append(make("code", "", command), button);
  return box;
}

// Commands in a sentence stand between backquotes, or are the one that a halt advises.
function sentence(element, text) {
  if (element.dataset.text === text) return;
  element.dataset.text = text;
  const pieces = visible(text).split(/`([^`]*)`|(syncline (?:push|pull) [^;`]*--adopt)/).filter((piece) => piece !== undefined);
  element.replaceChildren(...pieces.map((piece, i) => i % 2 ? code(piece) : document.createTextNode(piece)));
}

function showHalt(known, job) {
  const section = known.part(".halt");
  show(section, job.halt !== null);
  if (!job.halt) return;
  const codes = known.part(".codes");
  if (codes.dataset.text !== job.halt.codes.join()) {
    codes.dataset.text = job.halt.codes.join();
    codes.replaceChildren(...job.halt.codes.map((code) => make("code", "", code)));
  }
  sentence(known.part(".detail"), job.halt.detail);
  sentence(known.part(".resolve"), job.halt.resolve ? "Way out: " + job.halt.resolve : "");
}

function showProblems(known, job) {
  const list = known.part(".problems");
  show(list, job.problems.length > 0);
  const text = JSON.stringify(job.problems);
  if (list.dataset.text === text) return;
  const is_first = list.dataset.text === undefined;
  list.dataset.text = text;
  if (is_first && job.problems.length <= 3) list.open = true;
  setText(known.part(".problems summary"), count(job.problems.length) + (job.problems.length === 1 ? " problem" : " problems"));
  known.part(".problems ul").replaceChildren(...job.problems.map((problem) => {
    const item = make("li");
    if (problem.path) item.append(make("code", "", visible(problem.path)), " ");
    const why = make("span", "why");
    sentence(why, problem.why);
    item.append(why);
    return item;
  }));
}

function showTimes(known, job) {
  const success = known.part(".success"), attempt = known.part(".attempt"), next = known.part(".next");
  setText(success, job.last_success ? ago(job.last_success.finished_at) : "never");
  success.title = job.last_success ? job.last_success.finished_at : "";
  setText(attempt, job.last_attempt ? `${deeds(job.last_attempt)}, ${span(job.last_attempt.duration_ms)}` : "none yet");
  attempt.title = job.last_attempt ? job.last_attempt.outcome + " " + job.last_attempt.finished_at : "";
  setText(next, isLost() ? "not known" : running.has(job.state) ? "running" : job.state === "paused" ? "paused"
    : job.next_run_at ? ahead(job.next_run_at) : job.watch.active ? "on change" : "by hand");
  next.title = job.next_run_at || "";
}

function showJob(job) {
  const known = card(job.name);
  known.element.dataset.tone = tone(job);
  known.element.dataset.state = job.state;
  setText(known.part(".name"), visible(job.name));
  setText(known.part(".state"), isLost() ? "was " + job.state : job.state);
  const push = job.direction === "push";
  setText(known.part(".from"), visible(push ? job.root : job.remote));
  setText(known.part(".to"), visible(push ? job.remote : job.root));
  const watch = job.watch;
  show(known.part(".watch"), (watch.active || watch.overflowed) && !isLost());
  setText(known.part(".watch"), watch.overflowed ? "watch overflowed" : watch.pending ? `${count(watch.pending)} changes` : "watching");
  known.part(".watch").title = "The watcher sees the source only; what changes on the target is seen by the next run of everything.";
  showProgress(known, job);
  showTimes(known, job);
  showHalt(known, job);
  showProblems(known, job);
  refreshHistory(known, job);
  return known.element;
}

async function refreshHistory(known, job) {
  const run = job.last_attempt ? job.last_attempt.started_at : "";
  if (known.historyFor === run && Date.now() - known.historyAt < historyAge) return;
  known.historyFor = run;
  known.historyAt = Date.now();
  try {
    const response = await fetch(`/jobs/${encodeURIComponent(job.name)}.json`);
    if (!response.ok) return;
    const full = await response.json();
    show(known.part(".stale"), full.stale);
    showHistory(known, full.history);
  } catch {
    known.historyAt = 0; // The connection is down: once more when it is back.
  }
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// One bar a run, the newest on the right; its height is the duration, on a logarithmic scale.
function showHistory(known, history) {
  const shown = history.slice(0, 60).reverse();
  show(known.part(".history"), shown.length > 1);
  if (shown.length < 2) return;
  const height = 48, places = Math.max(24, shown.length), step = 10;
  const longest = Math.max(...shown.map((run) => run.duration_ms));
  const scale = Math.log1p(Math.max(longest, 100));
  const bars = shown.map((run, i) => {
    const tall = 5 + (height - 6) * Math.log1p(run.duration_ms) / scale;
    const title = svg("title", {});
    title.textContent = `${run.outcome}, ${new Date(run.started_at).toLocaleString()}\n${deeds(run)}, ${size(run.bytes_sent)} in ${span(run.duration_ms)}`
      + (run.detail ? "\n" + visible(run.detail) : "");
    return svg("rect", { class: run.outcome, x: (places - shown.length + i) * step + 1.5, y: height - tall, width: step - 3, height: tall }, title);
  });
  const good = shown.filter((run) => run.outcome === "success").length;
  known.part(".history figcaption").replaceChildren(
    make("span", "", `last ${shown.length} runs, ${good} of them well`),
    make("span", "", "longest " + span(longest)));
  known.part(".chart").replaceChildren(svg("svg", {
    viewBox: `0 0 ${places * step} ${height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${good} of the last ${shown.length} runs ended well`,
  }, svg("rect", { class: "base", x: 0, y: height - 1, width: places * step, height: 1 }), ...bars));
}

function showCounts(jobs) {
  const states = new Map();
  for (const job of jobs) {
    const state = running.has(job.state) ? "running" : job.state;
    states.set(state, (states.get(state) || 0) + 1);
  }
  const entries = [[jobs.length, jobs.length === 1 ? "job" : "jobs"], ...[...states].map(([state, n]) => [n, state])];
  const text = JSON.stringify(entries);
  const list = byId("counts");
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.replaceChildren(...entries.map(([number, name]) => {
    const item = make("li", troubles.includes(name) ? "bad" : "");
    item.append(make("b", "", count(number)), name);
    return item;
  }));
}

function showTitle() {
  const bad = status.jobs.filter((job) => rank(job) < troubles.length).length + (status.job_file_error ? 1 : 0);
  document.title = (isLost() ? "(old) " : bad ? `(${bad}) ` : "") + "syncline";
}

// One line a host whose remote directories were cleaned.
function showCleans(cleans) {
  const list = byId("cleans");
  show(list, cleans.length > 0);
  list.replaceChildren(...cleans.map((clean) => {
    const item = make("li");
    const quota = visible(clean.quota_before) + (clean.quota_after ? " \u2192 " + visible(clean.quota_after) : "");
    const end = clean.error ? `broke off (${visible(clean.error)}) after ` : "";
    item.append(make("b", "", visible(clean.host)),
      ` cleaned ${ago(clean.at)}: ${end}${count(clean.removed)} removed, ${count(clean.kept)} kept, ${size(clean.bytes_freed)} freed; quota ${quota}`);
    return item;
  }));
}

function showAll() {
  if (!status) return;
  const names = new Set(status.jobs.map((job) => job.name));
  for (const [name, known] of cards) {
    if (!names.has(name)) {
      known.element.remove();
      cards.delete(name);
    }
  }
  const place = byId("jobs");
  const sorted = [...status.jobs].sort((a, b) => rank(a) - rank(b)); // stable: else in the order of the job file
  sorted.forEach((job, i) => {
    const element = showJob(job);
    if (place.children[i] !== element) place.insertBefore(element, place.children[i] || null);
  });
  showCounts(status.jobs);
  showTitle();
  show(byId("file-error"), status.job_file_error !== null);
  setText(byId("file-error"), status.job_file_error === null ? ""
    : "The job file on disk is not what runs: " + visible(status.job_file_error));
  showCleans(status.cleans || []);
  show(byId("empty"), status.jobs.length === 0);
  setText(byId("engine"), `${visible(status.job_file)}, pid ${status.pid}` + (isLost() ? "" : `, up ${span(Date.now() - Date.parse(status.started_at))}`));
}

function showConnection(state, text) {
  byId("connection").className = "connection " + state;
  document.body.classList.toggle("lost", state === "lost");
  setText(byId("connection-text"), text);
}

let seenAt = null; // when the engine said something last

function showLost() {
  const since = seenAt ? `; what is shown is old, as of ${seenAt.toLocaleTimeString()}` : "";
  showConnection("lost", "the engine does not answer" + since);
  if (status) showAll();
}

function follow() {
  const events = new EventSource("/events");
  events.addEventListener("status", (event) => {
    status = JSON.parse(event.data);
    seenAt = new Date();
    showConnection("live", "live");
    showAll();
  });
  events.addEventListener("error", () => {
    showLost();
    if (events.readyState !== EventSource.CLOSED) return; // it tries again by itself
    setTimeout(follow, 5000);
  });
}

follow();
setInterval(showAll, 1000);
