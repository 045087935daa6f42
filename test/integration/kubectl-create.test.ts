/** kubectl's create commands, and what identities and roles made by them are good for. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { runKubectl } from "../support/kubectl.ts";
import { configMap, deployment, KubectlSession, manifest } from "../support/kubectl-session.ts";

let k: KubectlSession;
beforeAll(async () => {
  k = await KubectlSession.start();
});
afterAll(() => k[Symbol.asyncDispose]());

/** As somebody else, who has nothing but these credentials. */
async function as(name: string, user: object, args: string) {
  const { server } = k;
  const authority = Buffer.from(server.ca).toString("base64");
  const file = k.file(
    `${name}/kubeconfig`,
    stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "w", cluster: { server: server.url, "certificate-authority-data": authority } }],
      users: [{ name, user }],
      contexts: [{ name: "w", context: { cluster: "w", user: name, namespace: "default" } }],
      "current-context": "w",
    }),
  );
  return runKubectl(file, args.split(" "));
}

test("create secret: generic, tls, docker-registry", async () => {
  const file = k.file("f1.txt", "hello\n");
  const [key, cert] = [join(k.server.folder, "t.key"), join(k.server.folder, "t.crt")];
  execFileSync(
    "openssl",
    `req -x509 -newkey rsa:2048 -nodes -keyout ${key} -out ${cert} -days 2 -subj /CN=x`.split(" "),
    { stdio: "ignore" },
  );
  await Promise.all([
    k.run(`create secret generic s-generic --from-literal=a=b --from-file=${file}`),
    k.run(`create secret tls s-tls --cert=${cert} --key=${key}`),
    k.run(
      "create secret docker-registry s-docker --docker-username=u --docker-password=p --docker-server=r.io",
    ),
  ]);
  expect(await k.run("get secrets --no-headers")).toMatch(
    /^s-docker +kubernetes\.io\/dockerconfigjson +1 .*\ns-generic +Opaque +2 .*\ns-tls +kubernetes\.io\/tls +2 .*\n$/,
  );
  expect(await k.run("get secret s-generic -o jsonpath={.data.f1\\.txt}")).toBe("aGVsbG8K");
  expect(await k.run("describe secret s-generic")).toMatch(
    /\nType: +Opaque\n\nData\n====\na: +1 bytes\nf1\.txt: +6 bytes\n/,
  );
});

test("create configmap: of literals, files, bytes and environment files; immutable ones", async () => {
  const text = k.file("text.txt", "hello\n");
  const bytes = k.file("bytes.bin", Buffer.from([0xff, 0xfe, 0x00]));
  const env = k.file("some.env", "A=1\n# none\nB=two words\n");
  await Promise.all([
    k.run("create configmap of-literals --from-literal=a=b --from-literal=c=d"),
    k.run(`create configmap of-files --from-file=${text} --from-file=named=${text} --from-file=${bytes}`),
    k.run(`create configmap of-env --from-env-file=${env}`),
    k.run("create configmap fixed --from-literal=a=b"),
  ]);
  const dataOf = async (name: string) =>
    JSON.parse(await k.run(`get cm ${name} -o jsonpath={.data}`)) as object;
  expect(await dataOf("of-literals")).toEqual({ a: "b", c: "d" });
  expect(await dataOf("of-files")).toEqual({ "text.txt": "hello\n", named: "hello\n" });
  expect(await k.run("get cm of-files -o jsonpath={.binaryData.bytes\\.bin}")).toBe("//4A");
  expect(await dataOf("of-env")).toEqual({ A: "1", B: "two words" });
  await k.run(`patch cm fixed -p '{"immutable":true}'`);
  expect(await k.refused(`patch cm fixed -p '{"data":{"a":"c"}}'`)).toContain(
    'The ConfigMap "fixed" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  );
  const [again, badName, dry] = await Promise.all([
    k.refused("create configmap fixed"),
    k.refused("create configmap BAD"),
    k.run("create configmap dry --from-literal=a=b --dry-run=server -o jsonpath={.metadata.uid}"),
  ]);
  expect(again).toBe('error: failed to create configmap: configmaps "fixed" already exists\n');
  expect(badName).toContain(
    'ConfigMap "BAD" is invalid: metadata.name: Invalid value: "BAD": a lowercase RFC 1123',
  );
  expect(dry).toMatch(/^[0-9a-f-]{36}$/);
});

test("create namespace, quota, priorityclass", async () => {
  expect(await k.run("create namespace team")).toBe("namespace/team created\n");
  const [taken, badName] = await Promise.all([k.refused("create ns team"), k.refused("create ns Bad")]);
  expect(taken).toBe('Error from server (AlreadyExists): namespaces "team" already exists\n');
  expect(badName).toContain('The Namespace "Bad" is invalid: metadata.name: Invalid value: "Bad"');
  await k.run("create quota q -n team --hard=count/configmaps=1,count/wasmdeployments.wherry.dev=1");
  await k.run("create configmap first -n team");
  expect(await k.refused("create configmap second -n team")).toContain(
    'configmaps "second" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
  );
  await k.run("create priorityclass high --value=1000 --description=hi");
  await k.run("create priorityclass usual --value=10 --global-default");
  expect(await k.run("get pc --no-headers")).toMatch(
    /^high +1000 +false .*\nsystem-cluster-critical .*\nsystem-node-critical .*\nusual +10 +true .*\n$/,
  );
  expect(await k.run("describe pc high")).toMatch(/^Name: +high\nValue: +1000\n/);
});

test("create role, clusterrole and bindings; auth can-i; impersonation; auth reconcile", async () => {
  await k.run("create role reader --verb=get,list --resource=configmaps,wasmdeployments.wherry.dev");
  await k.run("create role only-one --verb=delete --resource=configmaps --resource-name=mine");
  await k.run("create clusterrole metrics --verb=get --non-resource-url=/metrics");
  await k.run("create clusterrole collected --aggregation-rule=example.com/collect=true");
  await k.run("create clusterrole part --verb=list --resource=secrets");
  await k.run("label clusterrole part example.com/collect=true");
  await k.run("create rolebinding reader --role=reader --user=alice --group=readers");
  await k.run("create rolebinding only-one --role=only-one --user=alice");
  await k.run("create clusterrolebinding metrics --clusterrole=metrics --user=alice");
  const questions = [
    { ask: "create wd", is: "yes" },
    { ask: "'*' '*'", is: "yes" },
    { ask: "list cm --as=alice", is: "yes" },
    { ask: "create wd --as=alice", is: "no" },
    { ask: "get cm/x --as=bob --as-group=readers", is: "yes" },
    { ask: "list cm -n kube-system --as=alice", is: "no" },
    { ask: "delete cm/mine --as=alice", is: "yes" },
    { ask: "delete cm/others --as=alice", is: "no" },
    { ask: "get wd --subresource=scale --as=alice", is: "no" },
    { ask: "get /metrics --as=alice", is: "yes" },
    { ask: "get /logs --as=alice", is: "no" },
  ];
  const answers = await Promise.all(questions.map(({ ask }) => k.try(`auth can-i ${ask}`)));
  expect(answers.map(({ code, stdout }) => `${stdout.trim()} ${code}`)).toEqual(
    questions.map(({ is }) => (is === "yes" ? "yes 0" : "no 1")),
  );
  const list = await k.run("auth can-i --list --as=alice");
  expect(list).toMatch(/^Resources +Non-Resource URLs +Resource Names +Verbs\n/);
  expect(list).toMatch(/^configmaps +\[\] +\[mine\] +\[delete\]$/m);
  expect(list).toMatch(/^configmaps +\[\] +\[\] +\[get list\]$/m);
  expect(list).toMatch(/^ +\[\/metrics\] +\[\] +\[get\]$/m);
  expect(await k.refused("get secrets --as=alice")).toBe(
    'Error from server (Forbidden): secrets is forbidden: User "alice" cannot list resource "secrets" in API group "" in the namespace "default"\n',
  );
  expect(await k.refused("create ns zz --as=alice")).toContain(
    'namespaces is forbidden: User "alice" cannot create resource "namespaces" in API group "" at the cluster scope',
  );
  await k.run("wait clusterrole/collected --for=jsonpath={.rules[0].resources[0]}=secrets --timeout=20s");
  expect(await k.run("describe role reader")).toMatch(/^ +configmaps +\[\] +\[\] +\[get list\]$/m);
  const more = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "reader", namespace: "default" },
  };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["watch"] }];
  const reconciled = await k.run("auth reconcile -f -", manifest({ ...more, rules }));
  expect(reconciled).toContain("role.rbac.authorization.k8s.io/reader reconciled");
  expect(await k.run("auth can-i watch cm --as=alice")).toBe("yes\n");
  expect(await k.run("auth can-i list cm --as=alice")).toBe("yes\n");
});

test("create serviceaccount and token: the token is good for what its account may do", async () => {
  await k.run("create serviceaccount builder");
  await k.run("create role builds --verb=get,list --resource=configmaps");
  await k.run("create rolebinding builds --role=builds --serviceaccount=default:builder");
  await k.run("create -f -", manifest(configMap("for-builder")));
  const token = (await k.run("create token builder --duration=10m")).trim();
  const [who, allowed, denied, other] = await Promise.all([
    as("builder", { token }, "auth whoami"),
    as("builder", { token }, "get cm for-builder -o name"),
    as("builder", { token }, "get secrets"),
    as("forged", { token: `${token}x` }, "get cm"),
  ]);
  expect(who.stdout).toMatch(/^Username +system:serviceaccount:default:builder$/m);
  expect(who.stdout).toMatch(
    /^Groups +\[system:serviceaccounts system:serviceaccounts:default system:authenticated\]$/m,
  );
  expect(allowed.stdout).toBe("configmap/for-builder\n");
  expect(denied.stderr).toContain(
    'User "system:serviceaccount:default:builder" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
  expect(other.stderr).toContain("You must be logged in to the server");
  const review = await k.run(
    "create token builder --audience=elsewhere -o jsonpath={.kind}/{.spec.audiences[0]}",
  );
  expect(review).toBe("TokenRequest/elsewhere");
  expect(await k.refused("create token nobody")).toBe(
    'error: failed to create token: serviceaccounts "nobody" not found\n',
  );
});

test("a client certificate: the user is its common name, the groups are its organizations", async () => {
  const { key, cert } = await k.server.authority.leaf({
    subject: [{ CN: ["carol"] }, { O: ["certified"] }],
  });
  const user = {
    "client-key-data": Buffer.from(key).toString("base64"),
    "client-certificate-data": Buffer.from(cert).toString("base64"),
  };
  await k.run("create clusterrolebinding certified --clusterrole=view --group=certified");
  const [who, allowed, denied] = await Promise.all([
    as("carol", user, "auth whoami -o jsonpath={.status.userInfo.username}/{.status.userInfo.groups}"),
    as("carol", user, "get cm -A -o name"),
    as("carol", user, "delete cm x"),
  ]);
  expect(who.stdout).toBe('carol/["certified","system:authenticated"]');
  expect(allowed, allowed.stderr).toMatchObject({ code: 0 });
  expect(denied.stderr).toContain('User "carol" cannot delete resource "configmaps"');
});

test("auth whoami: by token, and as somebody else", async () => {
  expect(await k.run("auth whoami")).toMatch(
    /^ATTRIBUTE +VALUE\nUsername +admin\nGroups +\[system:masters system:authenticated\]\n$/,
  );
  expect(await k.run("auth whoami --as=dave --as-group=g --as-uid=7")).toMatch(
    /^ATTRIBUTE +VALUE\nUsername +dave\nUID +7\nGroups +\[g system:authenticated\]\n$/,
  );
});

test("what kubectl has for its own kinds only: it says so, whatever the server does", async () => {
  await k.run("create -f -", manifest(deployment("own")));
  const unregistered =
    'error: no kind "WasmDeployment" is registered for version "wherry.dev/v1alpha1" in scheme';
  const answers = await Promise.all(
    [
      "rollout status wd/own",
      "rollout restart wd/own",
      "rollout undo wd/own",
      "logs wd/own",
      "exec wd/own -- ls",
    ].map((args) => k.refused(args)),
  );
  for (const answer of answers) expect(answer).toContain(unregistered);
  const [cordon, drain, top, info] = await Promise.all([
    k.refused("cordon n1"),
    k.refused("drain n1"),
    k.refused("top node"),
    k.refused("cluster-info"),
  ]);
  for (const answer of [cordon, drain])
    expect(answer).toContain(`the server doesn't have a resource type "nodes"`);
  expect(top).toContain("error: Metrics API not available");
  expect(info).toContain(`the server doesn't have a resource type "services"`);
});
