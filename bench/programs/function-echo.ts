/** A plain gRPC server that returns what it is sent. Its argument is the folder with its certificate; says its port. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { type EchoRequest, type EchoResponse, FunctionService } from "../functions/contract.ts";

const folder = process.argv[2] ?? "";
const answer = ({ id, input }: EchoRequest): EchoResponse => ({ id, output: input });
const server = new Server();
server.addService(FunctionService.service, {
  Call: ({ request }: ServerUnaryCall<EchoRequest, EchoResponse>, done: sendUnaryData<EchoResponse>) =>
    done(null, answer(request)),
  Calls: (stream: ServerDuplexStream<EchoRequest, EchoResponse>) => {
    stream.on("data", (request: EchoRequest) => stream.write(answer(request)));
    stream.on("end", () => stream.end());
    stream.on("error", () => {});
  },
});
const [key, certificate] = ["key.pem", "cert.pem"].map((file) => readFileSync(join(folder, file)));
if (key === undefined || certificate === undefined) throw new Error("there is no certificate");
const credentials = ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: certificate }]);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.once("disconnect", () => process.exit(0));
