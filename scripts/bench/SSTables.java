import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.Random;
import org.apache.cassandra.db.marshal.LongType;
import org.apache.cassandra.dht.Murmur3Partitioner;
import org.apache.cassandra.io.sstable.CQLSSTableWriter;

/**
 * Writes real sstables without a server: java SSTables DIR KEYSPACE TABLE lz4|none SEED MIB[,MIB...]
 *
 * One sstable per size, of about so many MiB of rows before compression. Rows go in by token, so that the writer makes
 * one file of each size and holds nothing in memory. The same seed writes the same rows.
 */
public class SSTables {
    static final int ROWS_PER_PARTITION = 10;
    static final int ROW_BYTES = 3000;
    static final String[] WORDS = ("order customer payment shipped pending address street invoice total discount coupon item "
        + "quantity price warehouse status created updated mobile desktop session referrer campaign newsletter gold silver "
        + "refund returned delivered carrier tracking express standard").split(" ");

    public static void main(String[] args) throws Exception {
        String directory = args[0], name = args[1] + "." + args[2];
        long seed = Long.parseLong(args[4]);
        new File(directory).mkdirs();
        String compression = args[3].equals("lz4") ? "{'class': 'LZ4Compressor'}" : "{'enabled': false}";
        String table = "CREATE TABLE " + name + " (k bigint, c int, ts timestamp, amount double, name text, doc text, h blob, "
            + "PRIMARY KEY (k, c)) WITH compression = " + compression;
        String insert = "INSERT INTO " + name + " (k, c, ts, amount, name, doc, h) VALUES (?, ?, ?, ?, ?, ?, ?)";
        byte[] text = text(new Random(seed));
        for (String mebibytes : args[5].split(","))
            write(directory, table, insert, text, ++seed, (long) (Double.parseDouble(mebibytes) * (1 << 20)));
        System.exit(0);
    }

    static void write(String directory, String table, String insert, byte[] text, long seed, long bytes) throws Exception {
        Random random = new Random(seed);
        try (CQLSSTableWriter writer = CQLSSTableWriter.builder().inDirectory(directory).forTable(table)
            .withPartitioner(Murmur3Partitioner.instance).using(insert).sorted().build()) {
            for (long key : keysByToken(seed, bytes / ROW_BYTES / ROWS_PER_PARTITION + 1))
                for (int row = 0; row < ROWS_PER_PARTITION; row++) {
                    int length = ROW_BYTES / 2 + random.nextInt(ROW_BYTES);
                    String doc = new String(text, random.nextInt(text.length - length), length, StandardCharsets.US_ASCII);
                    byte[] hash = new byte[32];
                    random.nextBytes(hash);
                    writer.addRow(key, row, new Date(1700000000000L + random.nextInt(1 << 30)), random.nextDouble() * 1000,
                        WORDS[random.nextInt(WORDS.length)] + random.nextInt(100000), doc, ByteBuffer.wrap(hash));
                }
        }
    }

    static long[] keysByToken(long seed, long count) {
        long[][] keys = new long[(int) count][]; // token, key
        for (int i = 0; i < count; i++) {
            long key = (seed << 40) + i;
            keys[i] = new long[] {Murmur3Partitioner.instance.getToken(LongType.instance.decompose(key)).getLongValue(), key};
        }
        Arrays.sort(keys, (a, b) -> Long.compare(a[0], b[0]));
        return Arrays.stream(keys).mapToLong(pair -> pair[1]).toArray();
    }

    /** Words and numbers, as in JSON documents; long enough that no compressor sees a passage twice within its window. */
    static byte[] text(Random random) {
        StringBuilder text = new StringBuilder(32 << 20);
        while (text.length() < (32 << 20) - 64)
            text.append('"').append(WORDS[random.nextInt(WORDS.length)]).append("\":\"")
                .append(WORDS[random.nextInt(WORDS.length)]).append(random.nextInt(10000)).append("\",");
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }
}
