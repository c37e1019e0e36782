// World smg of wit/smg-gateway in JavaScript: requests need a key, responses lose what says too much.

const value = (headers, name) => headers.find((h) => h.name.toLowerCase() === name)?.value;

// All but what is named stays as it is.
const modify = (changes) => ({
  tag: "modify",
  val: { status: undefined, headersSet: [], headersAdd: [], headersRemove: [], bodyReplace: undefined, ...changes },
});

export const middlewareOnRequest = {
  onRequest(req) {
    if (value(req.headers, "x-api-key") !== "let-me-in") return { tag: "reject", val: 401 };
    return modify({ headersSet: [{ name: "x-checked-by", value: "JavaScript" }], headersRemove: ["x-api-key"] });
  },
};

export const middlewareOnResponse = {
  onResponse(resp) {
    if (resp.status < 500) return { tag: "continue" };
    const body = new TextEncoder().encode(`sorry: ${resp.body.length} bytes withheld\n`);
    return modify({ status: 502, headersRemove: ["server"], bodyReplace: body });
  },
};
