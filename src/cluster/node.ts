import type { Remote } from './remote.ts';
import type { NodeConfig } from './tools/node-config.ts';
import type { Programs } from './tools/run-tool.ts';

/** A node as what is asked of it needs it: the connection, how its own programs are started, what its configuration says. */
export interface ClusterNode {
  readonly remote: Remote;
  /** The same node for all work on files, as the owner of the data: see `openFiles`. */
  readonly files: Remote;
  readonly programs: Programs;
  readonly config: NodeConfig;
}

/** What nodetool needs, which finds the server by itself; by its configuration, where it is known, whose server that must be. */
export interface ToolNode extends Pick<ClusterNode, 'remote' | 'programs'> {
  readonly config?: Partial<KnownServer>;
}

/** What there is to know of a server that is asked. */
type KnownServer = Pick<NodeConfig, 'dataUser' | 'path' | 'flavour'>;

/** What is needed to look at files of the data directories, whether the server runs or not. */
export interface DataNode {
  /** As the owner of the data: see `openFiles`. */
  readonly files: Remote;
  readonly config: Pick<NodeConfig, 'dataDirectories'>;
}

/** What is asked of the system tables and beside them, in words that depend on who answers. */
export interface ServerNode extends CqlNode {
  readonly files: Remote;
  readonly config: CqlNode['config'] & Pick<NodeConfig, 'flavour' | 'release' | 'dataDirectories'>;
}

/** What cqlsh needs, which must be told where CQL answers. */
export interface CqlNode extends ToolNode {
  readonly config: Pick<NodeConfig, 'cqlAddress' | 'cqlPort' | 'cqlEncrypted'> & Partial<KnownServer>;
}
