import com.databricks.sdk.WorkspaceClient;
import com.databricks.sdk.core.DatabricksConfig;
import com.databricks.sdk.service.iam.MeRequest;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;

/**
 * Asks the workspace who it is, through the official SDK: Me COUNT [PROFILE].
 * Prints one JSON object a request: the user and the way to authenticate, or the error.
 */
public class Me {
  public static void main(String[] args) throws Exception {
    DatabricksConfig config = new DatabricksConfig();
    if (args.length > 1) config.setProfile(args[1]);
    WorkspaceClient client = new WorkspaceClient(config);
    ObjectMapper json = new ObjectMapper();
    for (int request = 0; request < Integer.parseInt(args[0]); request++) {
      System.out.println(json.writeValueAsString(ask(client, config)));
    }
  }

  private static Map<String, String> ask(WorkspaceClient client, DatabricksConfig config) {
    try {
      String user = client.currentUser().me(new MeRequest()).getUserName();
      return Map.of("user", user, "via", config.getAuthType());
    } catch (Exception error) {
      return Map.of("error", String.valueOf(error.getMessage()));
    }
  }
}
