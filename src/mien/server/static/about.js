// What the service says of itself; asked for until it answers.

const RETRY_MS = 1500;

// waiting(sentence) is called while there is no answer.
export async function about(waiting) {
  for (;;) {
    try {
      const answer = await fetch("v1/about", { headers: { accept: "application/json" } });
      if (answer.status === 401) location.assign("login");
      if (answer.ok) return await answer.json();
    } catch {
      // not there yet, or not there any more
    }
    waiting("The service cannot be reached. The page tries again until it can.");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

// The sentence with which the service refused a request.
export async function refusal(answer) {
  if (answer.status === 401) location.assign("login");
  try {
    return (await answer.json()).error;
  } catch {
    return `The service answered with an error (${answer.status}). Try again.`;
  }
}
